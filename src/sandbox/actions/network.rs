//! DescribeSubnets, DescribeVpcs and DescribeSecurityGroups: the default VPC that every new
//! account has, or the same as one that is not the default. It cannot be changed here, so each
//! answer has at most as many items as zones.

use super::Call;
use super::instances::interface::DEFAULT_GROUP;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, flag, made, text};
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::{Network, Zone};

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidParameterValue", default: None };
/// What the default group lets out.
const EVERYWHERE: &str = "0.0.0.0/0";
const ALL_PROTOCOLS: &str = "-1";
const VPC_CIDR: &str = "172.31.0.0/16";
const DEFAULT_GROUP_DESCRIPTION: &str = "default VPC security group";

/// A subnet as filters see it.
#[derive(Debug)]
pub(crate) struct Subnet<'a> {
    network: &'a Network,
    zone: &'a Zone,
    available: usize,
    /// Whether it is the zone's default subnet: an account may have none.
    default: bool,
}

/// The VPC as filters see it.
#[derive(Debug)]
pub(crate) struct Vpc<'a> {
    network: &'a Network,
    default: bool,
}

/// Pushes the values of one filter of subnets.
pub(crate) type SubnetFact = for<'a> fn(&Subnet<'a>, &mut Values<'a>);
/// Pushes the values of one filter of VPCs.
pub(crate) type VpcFact = for<'a> fn(&Vpc<'a>, &mut Values<'a>);
/// Pushes the values of one filter of security groups.
pub(crate) type GroupFact = for<'a> fn(&'a Network, &mut Values<'a>);

/// The filters of DescribeSubnets, with EC2's other spellings. Nothing passes those on facts that
/// default subnets do not have.
pub(crate) const SUBNET_FILTERS: &Table<SubnetFact> = &[
    ("availability-zone", |s, v| text(v, &s.zone.name)),
    ("availabilityZone", |s, v| text(v, &s.zone.name)),
    ("availability-zone-id", |s, v| text(v, &s.zone.id)),
    ("availabilityZoneId", |s, v| text(v, &s.zone.id)),
    ("available-ip-address-count", |s, v| made(v, s.available)),
    ("cidr-block", |s, v| made(v, s.zone.cidr())),
    ("cidr", |s, v| made(v, s.zone.cidr())),
    ("cidrBlock", |s, v| made(v, s.zone.cidr())),
    ("customer-owned-ipv4-pool", |_, _| {}),
    ("default-for-az", |s, v| flag(v, s.default)),
    ("defaultForAz", |s, v| flag(v, s.default)),
    ("enable-dns64", |_, v| flag(v, false)),
    ("enable-lni-at-device-index", |_, _| {}),
    ("ipv6-cidr-block-association.association-id", |_, _| {}),
    ("ipv6-cidr-block-association.ipv6-cidr-block", |_, _| {}),
    ("ipv6-cidr-block-association.state", |_, _| {}),
    ("ipv6-native", |_, v| flag(v, false)),
    ("map-customer-owned-ip-on-launch", |_, v| flag(v, false)),
    ("map-public-ip-on-launch", |s, v| flag(v, s.default)),
    ("outpost-arn", |_, _| {}),
    ("owner-id", |s, v| text(v, s.network.account_id.as_str())),
    ("private-dns-name-options-on-launch.enable-resource-name-dns-a-record", |_, v| flag(v, false)),
    ("private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", |_, v| flag(v, false)),
    ("private-dns-name-options-on-launch.hostname-type", |_, v| text(v, "ip-name")),
    ("state", |_, v| text(v, "available")),
    ("subnet-arn", |s, v| made(v, subnet_arn(s.network, s.zone))),
    ("subnet-id", |s, v| text(v, &s.zone.subnet_id)),
    ("vpc-id", |s, v| text(v, &s.network.vpc_id)),
];

/// The filters of DescribeVpcs; the VPC has no IPv6.
pub(crate) const VPC_FILTERS: &Table<VpcFact> = &[
    ("cidr", |_, v| text(v, VPC_CIDR)),
    ("cidr-block-association.association-id", |s, v| made(v, association_id(s.network))),
    ("cidr-block-association.cidr-block", |_, v| text(v, VPC_CIDR)),
    ("cidr-block-association.state", |_, v| text(v, "associated")),
    ("dhcp-options-id", |s, v| text(v, &s.network.dhcp_options_id)),
    ("ipv6-cidr-block-association.association-id", |_, _| {}),
    ("ipv6-cidr-block-association.ipv6-cidr-block", |_, _| {}),
    ("ipv6-cidr-block-association.ipv6-pool", |_, _| {}),
    ("ipv6-cidr-block-association.state", |_, _| {}),
    ("is-default", |s, v| flag(v, s.default)),
    ("isDefault", |s, v| flag(v, s.default)),
    ("owner-id", |s, v| text(v, s.network.account_id.as_str())),
    ("state", |_, v| text(v, "available")),
    ("vpc-id", |s, v| text(v, &s.network.vpc_id)),
];

/// The filters of DescribeSecurityGroups. The default group lets itself in and everything out, by
/// no port, prefix list or address of IPv6.
pub(crate) const GROUP_FILTERS: &Table<GroupFact> = &[
    ("description", |_, v| text(v, DEFAULT_GROUP_DESCRIPTION)),
    ("egress.ip-permission.cidr", |_, v| text(v, EVERYWHERE)),
    ("egress.ip-permission.from-port", |_, _| {}),
    ("egress.ip-permission.group-id", |_, _| {}),
    ("egress.ip-permission.group-name", |_, _| {}),
    ("egress.ip-permission.ipv6-cidr", |_, _| {}),
    ("egress.ip-permission.prefix-list-id", |_, _| {}),
    ("egress.ip-permission.protocol", |_, v| text(v, ALL_PROTOCOLS)),
    ("egress.ip-permission.to-port", |_, _| {}),
    ("egress.ip-permission.user-id", |_, _| {}),
    ("group-id", |n, v| text(v, &n.security_group_id)),
    ("group-name", |_, v| text(v, DEFAULT_GROUP)),
    ("ip-permission.cidr", |_, _| {}),
    ("ip-permission.from-port", |_, _| {}),
    ("ip-permission.group-id", |n, v| text(v, &n.security_group_id)),
    ("ip-permission.group-name", |_, v| text(v, DEFAULT_GROUP)),
    ("ip-permission.ipv6-cidr", |_, _| {}),
    ("ip-permission.prefix-list-id", |_, _| {}),
    ("ip-permission.protocol", |_, v| text(v, ALL_PROTOCOLS)),
    ("ip-permission.to-port", |_, _| {}),
    ("ip-permission.user-id", |n, v| text(v, n.account_id.as_str())),
    ("owner-id", |n, v| text(v, n.account_id.as_str())),
    ("vpc-id", |n, v| text(v, &n.vpc_id)),
];

fn subnet_arn(network: &Network, zone: &Zone) -> String {
    format!("arn:aws:ec2:{}:{}:subnet/{}", network.region, network.account_id, zone.subnet_id)
}

fn group_arn(network: &Network) -> String {
    format!("arn:aws:ec2:{}:{}:security-group/{}", network.region, network.account_id, network.security_group_id)
}

fn association_id(network: &Network) -> String {
    network.vpc_id.replacen("vpc-", "vpc-cidr-assoc-", 1)
}

/// Reads a list of ids and checks that each names something.
fn ids<'a>(
    params: &'a Node,
    parameter: &str,
    code: &'static str,
    what: &str,
    exists: impl Fn(&str) -> bool,
) -> Result<Vec<&'a str>, Ec2Error> {
    let ids = params.texts(parameter);
    match ids.iter().find(|id| !exists(id)) {
        Some(unknown) => Err(Ec2Error::new(code, format!("The {what} '{unknown}' does not exist"))),
        None => Ok(ids),
    }
}

/// DescribeSubnets.
pub(super) fn describe_subnets(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["SubnetId", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let network = &call.cloud.network;
    let filters = Filters::read_with_tags(params, SUBNET_FILTERS)?;
    let chosen =
        ids(params, "SubnetId", "InvalidSubnetID.NotFound", "subnet ID", |id| network.zone_of_subnet(id).is_some())?;
    let page = call.page_without_ids(PAGE, &chosen, "subnetSet")?;
    call.permit()?;
    let default = call.account().default_vpc;
    let state = call.cloud.state();
    let after = page.after.as_deref().unwrap_or_default();
    let subnets = network.zones.iter().filter(|zone| zone.name.as_str() > after).filter(|zone| {
        let subnet = Subnet { network, zone, available: state.addresses_left(zone, call.now), default };
        (chosen.is_empty() || chosen.contains(&zone.subnet_id.as_str()))
            && filters.pass_with_tags(
                || state.tags(&zone.subnet_id).into_iter().flatten(),
                |fact, values| fact(&subnet, values),
            )
    });
    let (subnets, token) = page.cut(subnets, |zone| zone.name.clone());
    xml.list("subnetSet", subnets, |xml, zone| {
        xml.text("subnetId", &zone.subnet_id);
        xml.text("subnetArn", &subnet_arn(network, zone));
        xml.text("state", "available");
        xml.text("ownerId", network.account_id.as_str());
        xml.text("vpcId", &network.vpc_id);
        xml.text("cidrBlock", &zone.cidr());
        xml.element("ipv6CidrBlockAssociationSet", |_| {});
        xml.value("availableIpAddressCount", state.addresses_left(zone, call.now));
        xml.text("availabilityZone", &zone.name);
        xml.text("availabilityZoneId", &zone.id);
        xml.value("defaultForAz", default);
        xml.value("mapPublicIpOnLaunch", default);
        xml.value("mapCustomerOwnedIpOnLaunch", false);
        xml.value("assignIpv6AddressOnCreation", false);
        xml.value("enableDns64", false);
        xml.value("ipv6Native", false);
        xml.element("privateDnsNameOptionsOnLaunch", |xml| {
            xml.text("hostnameType", "ip-name");
            xml.value("enableResourceNameDnsARecord", false);
            xml.value("enableResourceNameDnsAAAARecord", false);
        });
        xml.tags(state.tags(&zone.subnet_id).into_iter().flatten());
    });
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// DescribeVpcs.
pub(super) fn describe_vpcs(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["VpcId", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let network = &call.cloud.network;
    let filters = Filters::read_with_tags(params, VPC_FILTERS)?;
    let chosen = ids(params, "VpcId", "InvalidVpcID.NotFound", "vpc ID", |id| id == network.vpc_id)?;
    call.page_without_ids(PAGE, &chosen, "vpcSet")?;
    call.permit()?;
    let state = call.cloud.state();
    let tags = state.tags(&network.vpc_id);
    let vpc = Vpc { network, default: call.account().default_vpc };
    let passes = filters.pass_with_tags(|| tags.into_iter().flatten(), |fact, values| fact(&vpc, values));
    xml.list("vpcSet", passes.then_some(network), |xml, network| {
        xml.text("vpcId", &network.vpc_id);
        xml.text("ownerId", network.account_id.as_str());
        xml.text("state", "available");
        xml.text("cidrBlock", VPC_CIDR);
        xml.list("cidrBlockAssociationSet", [()], |xml, ()| {
            xml.text("cidrBlock", VPC_CIDR);
            xml.text("associationId", &association_id(network));
            xml.element("cidrBlockState", |xml| xml.text("state", "associated"));
        });
        xml.text("dhcpOptionsId", &network.dhcp_options_id);
        xml.text("instanceTenancy", "default");
        xml.value("isDefault", vpc.default);
        xml.tags(tags.into_iter().flatten());
    });
    Ok(())
}

/// DescribeSecurityGroups.
pub(super) fn describe_security_groups(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["GroupId", "GroupName", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let network = &call.cloud.network;
    let filters = Filters::read_with_tags(params, GROUP_FILTERS)?;
    let by_id =
        ids(params, "GroupId", "InvalidGroup.NotFound", "security group", |id| id == network.security_group_id)?;
    ids(params, "GroupName", "InvalidGroup.NotFound", "security group", |name| name == DEFAULT_GROUP)?;
    call.page_without_ids(PAGE, &by_id, "groupIdSet")?;
    call.permit()?;
    let state = call.cloud.state();
    let tags = state.tags(&network.security_group_id);
    let passes = filters.pass_with_tags(|| tags.into_iter().flatten(), |fact, values| fact(network, values));
    xml.list("securityGroupInfo", passes.then_some(network), |xml, network| {
        xml.text("ownerId", network.account_id.as_str());
        xml.text("groupId", &network.security_group_id);
        xml.text("securityGroupArn", &group_arn(network));
        xml.text("groupName", DEFAULT_GROUP);
        xml.text("groupDescription", DEFAULT_GROUP_DESCRIPTION);
        xml.text("vpcId", &network.vpc_id);
        xml.list("ipPermissions", [()], |xml, ()| {
            xml.text("ipProtocol", ALL_PROTOCOLS);
            xml.list("groups", [()], |xml, ()| {
                xml.text("userId", network.account_id.as_str());
                xml.text("groupId", &network.security_group_id);
            });
        });
        xml.list("ipPermissionsEgress", [()], |xml, ()| {
            xml.text("ipProtocol", ALL_PROTOCOLS);
            xml.list("ipRanges", [()], |xml, ()| xml.text("cidrIp", EVERYWHERE));
        });
        xml.tags(tags.into_iter().flatten());
    });
    Ok(())
}
