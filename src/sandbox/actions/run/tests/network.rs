//! Subnets, interfaces, addresses, and accounts without a default VPC.

use super::{answer, check, launch};
use crate::sandbox::landmarks::*;
use crate::sandbox::tests::{ask, clock, open, texts};
use crate::sandbox::{Account, Sandbox};

fn describe(sandbox: &Sandbox, action: &str, element: &str) -> Vec<String> {
    texts(&ask(sandbox, &format!("Action={action}")).1, element)
}

#[test]
fn interfaces_have_their_rules() {
    let sandbox = open(&clock(), None);
    let subnets = describe(&sandbox, "DescribeSubnets", "subnetId");
    let group = describe(&sandbox, "DescribeSecurityGroups", "groupId").pop().unwrap();
    let subnet = &subnets[0];
    let nic = |number: u32, index: u32, more: &str| {
        format!(
            "&NetworkInterface.{number}.DeviceIndex={index}{}",
            more.replace("NIC", &format!("NetworkInterface.{number}"))
        )
    };
    let combination = "InvalidParameterCombination";
    let rows: Vec<(String, &str, &str)> = [
        (
            nic(1, 0, &format!("&NIC.SubnetId={subnet}&NIC.SecurityGroupId.1={group}&NIC.Description=d")),
            "200",
            "<description>d<",
        ),
        (format!("{}&SubnetId={subnet}", nic(1, 0, "")), combination, "an instance-level subnet ID may not be"),
        (format!("{}&SecurityGroupId.1={group}", nic(1, 0, "")), combination, "instance-level security groups"),
        (format!("{}&PrivateIpAddress=172.31.0.9", nic(1, 0, "")), combination, "private IP address"),
        ("&NetworkInterface.1.SubnetId=x".to_owned(), "InvalidParameterValue", "requires a device index"),
        (nic(1, 1, ""), combination, "you must include a device at index 0"),
        (format!("{}{}", nic(1, 0, ""), nic(2, 0, "")), "InvalidParameterValue", "unique device index"),
        (
            format!("{}{}", nic(1, 0, "&NIC.AssociatePublicIpAddress=true"), nic(2, 1, "")),
            combination,
            "cannot be specified when launching with multiple network interfaces",
        ),
        (
            format!("{}{}{}", nic(1, 0, ""), nic(2, 1, ""), nic(3, 2, "")),
            "AttachmentLimitExceeded",
            "Interface count 3 exceeds the limit for t3.micro",
        ),
        (nic(1, 0, "&NIC.NetworkCardIndex=1"), "InvalidParameterValue", "networkCardIndex"),
        (nic(1, 0, "&NIC.InterfaceType=efa"), combination, "EFA interfaces are not supported on t3.micro"),
        (nic(1, 0, "&NIC.Ipv6AddressCount=1"), "UnsupportedOperation", "NetworkInterface.1.Ipv6AddressCount"),
        (nic(1, 0, "&NIC.Nonsense=1"), "UnknownParameter", "NetworkInterface.1.Nonsense"),
        (
            nic(1, 0, "&NIC.NetworkInterfaceId=eni-0123456789abcdef0"),
            "InvalidNetworkInterfaceID.NotFound",
            "does not exist",
        ),
        (
            format!(
                "{}{}",
                nic(1, 0, &format!("&NIC.SubnetId={subnet}")),
                nic(2, 1, &format!("&NIC.SubnetId={}", subnets[1]))
            ),
            combination,
            "different Availability Zones",
        ),
        ("&SubnetId=subnet-0".to_owned(), "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0' does not exist"),
        ("&SecurityGroupId.1=web".to_owned(), "InvalidGroupId.Malformed", "Invalid id: \"web\" (expecting \"sg-...\")"),
        ("&SecurityGroupId.1=sg-0123456789abcdef0".to_owned(), "InvalidGroup.NotFound", "does not exist in VPC"),
        ("&SecurityGroup.1=web".to_owned(), "InvalidGroup.NotFound", "'web'"),
        ("&SecurityGroup.1=default".to_owned(), "200", ""),
        (
            format!("&SecurityGroup.1=default&SubnetId={subnet}"),
            combination,
            "The parameter groupName cannot be used with the parameter subnet",
        ),
        (
            format!("&SubnetId={subnet}&Placement.AvailabilityZone=sandbox-1b"),
            "InvalidParameterValue",
            "is in sandbox-1a",
        ),
        (
            "&Placement.AvailabilityZone=sandbox-1z".to_owned(),
            "InvalidParameterValue",
            "Invalid availability zone: [sandbox-1z]",
        ),
        ("&Placement.GroupName=g".to_owned(), "InvalidPlacementGroup.Unknown", "The placement group 'g' is unknown."),
        ("&PrivateIpAddress=172.31.0.9".to_owned(), combination, "requires a subnet in which to launch"),
        (format!("&SubnetId={subnet}&PrivateIpAddress=172.31.0.3"), "InvalidParameterValue", "reserved address range"),
        (format!("&SubnetId={subnet}&PrivateIpAddress=172.31.16.9"), "InvalidParameterValue", "does not fall within"),
        (format!("&SubnetId={subnet}&PrivateIpAddress=x"), "InvalidParameterValue", "x"),
        (format!("&SubnetId={subnet}&PrivateIpAddress=172.31.0.200"), "200", ">172.31.0.200<"),
        (
            format!("&SubnetId={subnet}&PrivateIpAddress=172.31.0.200"),
            "InvalidIPAddress.InUse",
            "Address 172.31.0.200 is in use.",
        ),
    ]
    .map(|(options, code, words)| (launch(AMAZON_LINUX_2023_X86_64, "t3.micro", &options), code, words))
    .into();
    check(&sandbox, &rows);
    let two =
        launch(AMAZON_LINUX_2023_X86_64, "t3.micro", &format!("&SubnetId={subnet}&PrivateIpAddress=172.31.0.201"));
    let (code, message) = answer(&sandbox, &two.replace("MaxCount=1", "MaxCount=2"));
    assert_eq!(code, combination, "{message}");
}

#[test]
fn several_interfaces_are_described_each_with_its_address() {
    let sandbox = open(&clock(), None);
    let options = "&NetworkInterface.1.DeviceIndex=1&NetworkInterface.1.DeleteOnTermination=false\
                   &NetworkInterface.2.DeviceIndex=0&TagSpecification.1.ResourceType=network-interface\
                   &TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    let form = launch(AMAZON_LINUX_2023_X86_64, "m7i.large", options).replace("MaxCount=1", "MaxCount=3");
    let body = ask(&sandbox, &form).1;
    assert_eq!(texts(&body, "deviceIndex"), ["0", "1"].repeat(3));
    let ids = texts(&body, "networkInterfaceId");
    let mut addresses = texts(&body, "macAddress");
    assert_eq!((ids.len(), addresses.len()), (6, 6));
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 6);
    let available = describe(&sandbox, "DescribeSubnets", "availableIpAddressCount");
    assert!(available.contains(&(4096 - 5 - 6).to_string()), "{available:?}");
    let filter = format!(
        "Action=DescribeInstances&Filter.1.Name=network-interface.network-interface-id&Filter.1.Value.1={}",
        ids[3]
    );
    assert_eq!(texts(&ask(&sandbox, &filter).1, "instanceId").len(), 1);
    let tagged = ask(&sandbox, "Action=DescribeTags&Filter.1.Name=resource-type&Filter.1.Value.1=network-interface").1;
    assert_eq!(texts(&tagged, "resourceId").len(), 6);
    assert!(!body.contains("<association>"), "no public address with several interfaces");
}

#[test]
fn without_a_default_vpc_a_subnet_must_be_named() {
    let sandbox = open(&clock(), None);
    sandbox.set_account(toml::from_str::<Account>("default_vpc = false").unwrap());
    let defaults = "Action=DescribeSubnets&Filter.1.Name=default-for-az&Filter.1.Value.1=true";
    assert!(texts(&ask(&sandbox, defaults).1, "subnetId").is_empty());
    let vpcs = "Action=DescribeVpcs&Filter.1.Name=is-default&Filter.1.Value.1=true";
    assert!(texts(&ask(&sandbox, vpcs).1, "vpcId").is_empty());
    let subnet = describe(&sandbox, "DescribeSubnets", "subnetId").remove(2);
    let named = format!("&SubnetId={subnet}");
    check(
        &sandbox,
        &[
            (launch(AMAZON_LINUX_2023_X86_64, "t3.micro", ""), "VPCIdNotSpecified", "No default VPC for this user"),
            (launch(AMAZON_LINUX_2023_X86_64, "t3.micro", &named), "200", "sandbox-1c"),
        ],
    );
    let launched = ask(&sandbox, "Action=DescribeInstances").1;
    assert!(!launched.contains("<ipAddress>"), "a subnet that is no default one gives no public address");
}
