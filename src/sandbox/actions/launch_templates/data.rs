//! What a launch template's data may hold: EC2's `RequestLaunchTemplateData` and its answer,
//! `ResponseLaunchTemplateData`, as one table of names.
//!
//! EC2 hardly checks the values of a template before something is launched from it; neither is
//! that done here. What RunInstances never serves from a template (attribute-based instance
//! types, accelerators of the past) is refused by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::xml::Xml;

/// One member: its name in requests, its name in answers, and what it holds.
type Member = (&'static str, &'static str, Kind);

/// What a member holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    Inside(&'static [Member]),
    List(&'static [Member]),
    /// A list of texts, with the name of each in answers.
    Texts(&'static str),
}

use Kind::{Flag, Inside, List, Number, Text, Texts};

/// Members of the model that the sandbox refuses.
const NOT_SERVED: [&str; 5] = [
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerator",
    "InstanceRequirements",
    "Operator",
    "SecondaryInterface",
];

const MEMBERS: &[Member] = &[
    (
        "BlockDeviceMapping",
        "blockDeviceMappingSet",
        List(&[
            ("DeviceName", "deviceName", Text),
            (
                "Ebs",
                "ebs",
                Inside(&[
                    ("DeleteOnTermination", "deleteOnTermination", Flag),
                    ("EbsCardIndex", "ebsCardIndex", Number),
                    ("Encrypted", "encrypted", Flag),
                    ("Iops", "iops", Number),
                    ("KmsKeyId", "kmsKeyId", Text),
                    ("SnapshotId", "snapshotId", Text),
                    ("Throughput", "throughput", Number),
                    ("VolumeInitializationRate", "volumeInitializationRate", Number),
                    ("VolumeSize", "volumeSize", Number),
                    ("VolumeType", "volumeType", Text),
                ]),
            ),
            ("NoDevice", "noDevice", Text),
            ("VirtualName", "virtualName", Text),
        ]),
    ),
    (
        "CapacityReservationSpecification",
        "capacityReservationSpecification",
        Inside(&[
            ("CapacityReservationPreference", "capacityReservationPreference", Text),
            (
                "CapacityReservationTarget",
                "capacityReservationTarget",
                Inside(&[
                    ("CapacityReservationId", "capacityReservationId", Text),
                    ("CapacityReservationResourceGroupArn", "capacityReservationResourceGroupArn", Text),
                ]),
            ),
        ]),
    ),
    (
        "CpuOptions",
        "cpuOptions",
        Inside(&[
            ("AmdSevSnp", "amdSevSnp", Text),
            ("CoreCount", "coreCount", Number),
            ("NestedVirtualization", "nestedVirtualization", Text),
            ("ThreadsPerCore", "threadsPerCore", Number),
        ]),
    ),
    ("CreditSpecification", "creditSpecification", Inside(&[("CpuCredits", "cpuCredits", Text)])),
    ("DisableApiStop", "disableApiStop", Flag),
    ("DisableApiTermination", "disableApiTermination", Flag),
    ("EbsOptimized", "ebsOptimized", Flag),
    ("EnclaveOptions", "enclaveOptions", Inside(&[("Enabled", "enabled", Flag)])),
    ("HibernationOptions", "hibernationOptions", Inside(&[("Configured", "configured", Flag)])),
    ("IamInstanceProfile", "iamInstanceProfile", Inside(&[("Arn", "arn", Text), ("Name", "name", Text)])),
    ("ImageId", "imageId", Text),
    ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior", Text),
    (
        "InstanceMarketOptions",
        "instanceMarketOptions",
        Inside(&[
            ("MarketType", "marketType", Text),
            (
                "SpotOptions",
                "spotOptions",
                Inside(&[
                    ("BlockDurationMinutes", "blockDurationMinutes", Number),
                    ("InstanceInterruptionBehavior", "instanceInterruptionBehavior", Text),
                    ("MaxPrice", "maxPrice", Text),
                    ("SpotInstanceType", "spotInstanceType", Text),
                    ("ValidUntil", "validUntil", Text),
                ]),
            ),
        ]),
    ),
    ("InstanceType", "instanceType", Text),
    ("KernelId", "kernelId", Text),
    ("KeyName", "keyName", Text),
    ("LicenseSpecification", "licenseSet", List(&[("LicenseConfigurationArn", "licenseConfigurationArn", Text)])),
    ("MaintenanceOptions", "maintenanceOptions", Inside(&[("AutoRecovery", "autoRecovery", Text)])),
    (
        "MetadataOptions",
        "metadataOptions",
        Inside(&[
            ("HttpEndpoint", "httpEndpoint", Text),
            ("HttpProtocolIpv6", "httpProtocolIpv6", Text),
            ("HttpPutResponseHopLimit", "httpPutResponseHopLimit", Number),
            ("HttpTokens", "httpTokens", Text),
            ("InstanceMetadataTags", "instanceMetadataTags", Text),
        ]),
    ),
    ("Monitoring", "monitoring", Inside(&[("Enabled", "enabled", Flag)])),
    (
        "NetworkInterface",
        "networkInterfaceSet",
        List(&[
            ("AssociateCarrierIpAddress", "associateCarrierIpAddress", Flag),
            ("AssociatePublicIpAddress", "associatePublicIpAddress", Flag),
            (
                "ConnectionTrackingSpecification",
                "connectionTrackingSpecification",
                Inside(&[
                    ("TcpEstablishedTimeout", "tcpEstablishedTimeout", Number),
                    ("UdpStreamTimeout", "udpStreamTimeout", Number),
                    ("UdpTimeout", "udpTimeout", Number),
                ]),
            ),
            ("DeleteOnTermination", "deleteOnTermination", Flag),
            ("Description", "description", Text),
            ("DeviceIndex", "deviceIndex", Number),
            ("EnaQueueCount", "enaQueueCount", Number),
            (
                "EnaSrdSpecification",
                "enaSrdSpecification",
                Inside(&[
                    ("EnaSrdEnabled", "enaSrdEnabled", Flag),
                    (
                        "EnaSrdUdpSpecification",
                        "enaSrdUdpSpecification",
                        Inside(&[("EnaSrdUdpEnabled", "enaSrdUdpEnabled", Flag)]),
                    ),
                ]),
            ),
            ("InterfaceType", "interfaceType", Text),
            ("Ipv4Prefix", "ipv4PrefixSet", List(&[("Ipv4Prefix", "ipv4Prefix", Text)])),
            ("Ipv4PrefixCount", "ipv4PrefixCount", Number),
            ("Ipv6AddressCount", "ipv6AddressCount", Number),
            ("Ipv6Addresses", "ipv6AddressesSet", List(&[("Ipv6Address", "ipv6Address", Text)])),
            ("Ipv6Prefix", "ipv6PrefixSet", List(&[("Ipv6Prefix", "ipv6Prefix", Text)])),
            ("Ipv6PrefixCount", "ipv6PrefixCount", Number),
            ("NetworkCardIndex", "networkCardIndex", Number),
            ("NetworkInterfaceId", "networkInterfaceId", Text),
            ("PrimaryIpv6", "primaryIpv6", Flag),
            ("PrivateIpAddress", "privateIpAddress", Text),
            (
                "PrivateIpAddresses",
                "privateIpAddressesSet",
                List(&[("Primary", "primary", Flag), ("PrivateIpAddress", "privateIpAddress", Text)]),
            ),
            ("SecondaryPrivateIpAddressCount", "secondaryPrivateIpAddressCount", Number),
            ("SecurityGroupId", "groupSet", Texts("groupId")),
            ("SubnetId", "subnetId", Text),
        ]),
    ),
    (
        "NetworkPerformanceOptions",
        "networkPerformanceOptions",
        Inside(&[("BandwidthWeighting", "bandwidthWeighting", Text)]),
    ),
    (
        "Placement",
        "placement",
        Inside(&[
            ("Affinity", "affinity", Text),
            ("AvailabilityZone", "availabilityZone", Text),
            ("AvailabilityZoneId", "availabilityZoneId", Text),
            ("GroupId", "groupId", Text),
            ("GroupName", "groupName", Text),
            ("HostId", "hostId", Text),
            ("HostResourceGroupArn", "hostResourceGroupArn", Text),
            ("PartitionNumber", "partitionNumber", Number),
            ("SpreadDomain", "spreadDomain", Text),
            ("Tenancy", "tenancy", Text),
        ]),
    ),
    (
        "PrivateDnsNameOptions",
        "privateDnsNameOptions",
        Inside(&[
            ("EnableResourceNameDnsAAAARecord", "enableResourceNameDnsAAAARecord", Flag),
            ("EnableResourceNameDnsARecord", "enableResourceNameDnsARecord", Flag),
            ("HostnameType", "hostnameType", Text),
        ]),
    ),
    ("RamDiskId", "ramDiskId", Text),
    ("SecurityGroup", "securityGroupSet", Texts("item")),
    ("SecurityGroupId", "securityGroupIdSet", Texts("item")),
    (
        "TagSpecification",
        "tagSpecificationSet",
        List(&[
            ("ResourceType", "resourceType", Text),
            ("Tag", "tagSet", List(&[("Key", "key", Text), ("Value", "value", Text)])),
        ]),
    ),
    ("UserData", "userData", Text),
];

/// Refuses what a template cannot hold.
pub(super) fn check(data: &Node) -> Result<(), Ec2Error> {
    data.refuse(&NOT_SERVED)?;
    data.member("Monitoring").map_or(Ok(()), |monitoring| monitoring.refuse(&["MetricCategoryId"]))?;
    check_members(data, MEMBERS)?;
    if let Some(text) = data.text("UserData") {
        let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if STANDARD.decode(compact).is_err() {
            return Err(Ec2Error::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data."));
        }
    }
    Ok(())
}

fn check_members(node: &Node, members: &[Member]) -> Result<(), Ec2Error> {
    for name in node.member_names() {
        let Some((_, _, kind)) = members.iter().find(|(asked, ..)| *asked == name) else {
            let message = format!("The parameter {}.{name} is not recognized", node.path());
            return Err(Ec2Error::new("UnknownParameter", message));
        };
        match kind {
            Text => {}
            Flag => drop(node.boolean(name)?),
            Number => drop(node.integer(name)?),
            Inside(members) => node.member(name).map_or(Ok(()), |inside| check_members(inside, members))?,
            List(members) => node.list(name).try_for_each(|item| check_members(item, members))?,
            Texts(_) => node.list(name).try_for_each(|item| item.allow_only(&[]))?,
        }
        // Neither a value nor a list has members of its own.
        if let (false, Some(value)) = (matches!(kind, Inside(_)), node.member(name)) {
            value.allow_only(&[])?;
        }
    }
    Ok(())
}

/// Writes the inside of `launchTemplateData`.
pub(super) fn write(xml: &mut Xml, data: &Node) {
    write_members(xml, data, MEMBERS);
}

fn write_members(xml: &mut Xml, node: &Node, members: &[Member]) {
    for (asked, told, kind) in members {
        let Some(member) = node.member(asked) else { continue };
        match kind {
            Text | Number => xml.text(told, member.own_text().unwrap_or_default()),
            Flag => xml.text(told, &member.own_text().unwrap_or_default().to_ascii_lowercase()),
            Inside(members) => xml.element(told, |xml| write_members(xml, member, members)),
            List(members) => xml.list(told, node.list(asked), |xml, item| write_members(xml, item, members)),
            Texts(item) => xml.element(told, |xml| {
                for text in node.texts(asked) {
                    xml.text(item, text);
                }
            }),
        }
    }
}
