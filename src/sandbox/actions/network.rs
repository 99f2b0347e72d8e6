//! DescribeSubnets, DescribeVpcs and DescribeSecurityGroups: the default VPC that every new
//! account has. It cannot be changed here, so each answer has at most as many items as zones.

use std::borrow::Cow;

use super::Call;
use crate::sandbox::ACCOUNT_ID;
use crate::sandbox::cloud::{State, Tags};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject, Values};
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::{Network, USABLE_ADDRESSES, Zone};

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidParameterValue", default: None };
const VPC_CIDR: &str = "172.31.0.0/16";
const DEFAULT_GROUP: &str = "default";
const DEFAULT_GROUP_DESCRIPTION: &str = "default VPC security group";

/// A subnet as filters see it.
#[derive(Debug)]
struct Subnet<'a> {
    network: &'a Network,
    zone: &'a Zone,
    available: usize,
}

type SubnetFact = for<'a> fn(&Subnet<'a>, &mut Values<'a>);
type VpcFact = for<'a> fn(&'a Network, &mut Values<'a>);

fn subnet_fact(name: &str) -> Option<SubnetFact> {
    Some(match name {
        "availability-zone" | "availabilityZone" => |s, v| v.push(Cow::Borrowed(&s.zone.name)),
        "availability-zone-id" | "availabilityZoneId" => |s, v| v.push(Cow::Borrowed(&s.zone.id)),
        "available-ip-address-count" => |s, v| v.push(Cow::Owned(s.available.to_string())),
        "cidr-block" | "cidr" | "cidrBlock" => |s, v| v.push(Cow::Owned(s.zone.cidr())),
        "default-for-az" | "defaultForAz" | "map-public-ip-on-launch" => |_, v| v.push(Cow::Borrowed("true")),
        "enable-dns64" | "ipv6-native" | "map-customer-owned-ip-on-launch" => |_, v| v.push(Cow::Borrowed("false")),
        "private-dns-name-options-on-launch.hostname-type" => |_, v| v.push(Cow::Borrowed("ip-name")),
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record"
        | "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record" => {
            |_, v| v.push(Cow::Borrowed("false"))
        }
        "owner-id" => |_, v| v.push(Cow::Borrowed(ACCOUNT_ID)),
        "state" => |_, v| v.push(Cow::Borrowed("available")),
        "subnet-arn" => |s, v| v.push(Cow::Owned(subnet_arn(s.network, s.zone))),
        "subnet-id" => |s, v| v.push(Cow::Borrowed(&s.zone.subnet_id)),
        "vpc-id" => |s, v| v.push(Cow::Borrowed(&s.network.vpc_id)),
        // Facts that default subnets do not have.
        "customer-owned-ipv4-pool"
        | "enable-lni-at-device-index"
        | "ipv6-cidr-block-association.ipv6-cidr-block"
        | "ipv6-cidr-block-association.association-id"
        | "ipv6-cidr-block-association.state"
        | "outpost-arn" => |_, _| {},
        _ => return None,
    })
}

fn vpc_fact(name: &str) -> Option<VpcFact> {
    Some(match name {
        "cidr" | "cidr-block-association.cidr-block" => |_, v| v.push(Cow::Borrowed(VPC_CIDR)),
        "cidr-block-association.association-id" => |n, v| v.push(Cow::Owned(association_id(n))),
        "cidr-block-association.state" => |_, v| v.push(Cow::Borrowed("associated")),
        "dhcp-options-id" => |n, v| v.push(Cow::Borrowed(&n.dhcp_options_id)),
        "is-default" | "isDefault" => |_, v| v.push(Cow::Borrowed("true")),
        "owner-id" => |_, v| v.push(Cow::Borrowed(ACCOUNT_ID)),
        "state" => |_, v| v.push(Cow::Borrowed("available")),
        "vpc-id" => |n, v| v.push(Cow::Borrowed(&n.vpc_id)),
        "ipv6-cidr-block-association.ipv6-cidr-block"
        | "ipv6-cidr-block-association.ipv6-pool"
        | "ipv6-cidr-block-association.association-id"
        | "ipv6-cidr-block-association.state" => |_, _| {},
        _ => return None,
    })
}

/// Facts of the default group: it lets itself in and everything out.
fn group_fact(name: &str) -> Option<VpcFact> {
    Some(match name {
        "description" => |_, v| v.push(Cow::Borrowed(DEFAULT_GROUP_DESCRIPTION)),
        "group-id" | "ip-permission.group-id" => |n, v| v.push(Cow::Borrowed(&n.security_group_id)),
        "group-name" | "ip-permission.group-name" => |_, v| v.push(Cow::Borrowed(DEFAULT_GROUP)),
        "owner-id" | "ip-permission.user-id" => |_, v| v.push(Cow::Borrowed(ACCOUNT_ID)),
        "vpc-id" => |n, v| v.push(Cow::Borrowed(&n.vpc_id)),
        "egress.ip-permission.cidr" => |_, v| v.push(Cow::Borrowed("0.0.0.0/0")),
        "egress.ip-permission.protocol" | "ip-permission.protocol" => |_, v| v.push(Cow::Borrowed("-1")),
        "egress.ip-permission.from-port"
        | "egress.ip-permission.group-id"
        | "egress.ip-permission.group-name"
        | "egress.ip-permission.ipv6-cidr"
        | "egress.ip-permission.prefix-list-id"
        | "egress.ip-permission.to-port"
        | "egress.ip-permission.user-id"
        | "ip-permission.cidr"
        | "ip-permission.from-port"
        | "ip-permission.ipv6-cidr"
        | "ip-permission.prefix-list-id"
        | "ip-permission.to-port" => |_, _| {},
        _ => return None,
    })
}

fn subnet_arn(network: &Network, zone: &Zone) -> String {
    format!("arn:aws:ec2:{}:{ACCOUNT_ID}:subnet/{}", network.region.as_str(), zone.subnet_id)
}

fn association_id(network: &Network) -> String {
    network.vpc_id.replacen("vpc-", "vpc-cidr-assoc-", 1)
}

/// Pushes the values of the tag subjects.
fn tag_values<'a, E>(subject: &Subject<E>, tags: Option<&'a Tags>, values: &mut Values<'a>) {
    match subject {
        Subject::Tag(key) => values.extend(tags.and_then(|tags| tags.get(key)).map(|v| Cow::Borrowed(v.as_str()))),
        Subject::TagKeys => values.extend(tags.into_iter().flatten().map(|(key, _)| Cow::Borrowed(key.as_str()))),
        Subject::Fact(_) => {}
    }
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

/// An id list excludes paging in all of EC2.
fn page(call: &Call<'_>, ids: &[&str], set: &str) -> Result<Page, Ec2Error> {
    if !ids.is_empty() && call.params().text("MaxResults").is_some() {
        let message = format!("The parameter {set} cannot be used with the parameter maxResults");
        return Err(Ec2Error::combination(message));
    }
    Page::read(call.query, call.region(), PAGE)
}

/// DescribeSubnets.
pub(super) fn describe_subnets(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["SubnetId", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let network = &call.cloud.network;
    let filters = Filters::read(params, true, subnet_fact)?;
    let chosen =
        ids(params, "SubnetId", "InvalidSubnetID.NotFound", "subnet ID", |id| network.zone_of_subnet(id).is_some())?;
    let page = page(call, &chosen, "subnetSet")?;
    call.permit()?;
    let state = call.cloud.state();
    let available = |zone: &Zone, state: &State| {
        usize::try_from(USABLE_ADDRESSES).unwrap_or(0).saturating_sub(state.addresses_used(zone, call.now))
    };
    let after = page.after.as_deref().unwrap_or_default();
    let subnets = network.zones.iter().filter(|zone| zone.name.as_str() > after).filter(|zone| {
        let subnet = Subnet { network, zone, available: available(zone, &state) };
        (chosen.is_empty() || chosen.contains(&zone.subnet_id.as_str()))
            && filters.pass(|subject, values| match subject {
                Subject::Fact(fact) => fact(&subnet, values),
                tag @ (Subject::Tag(_) | Subject::TagKeys) => tag_values(tag, state.tags(&zone.subnet_id), values),
            })
    });
    let (subnets, token) = page.cut(subnets, |zone| zone.name.clone());
    xml.list("subnetSet", subnets, |xml, zone| {
        xml.text("subnetId", &zone.subnet_id);
        xml.text("subnetArn", &subnet_arn(network, zone));
        xml.text("state", "available");
        xml.text("ownerId", ACCOUNT_ID);
        xml.text("vpcId", &network.vpc_id);
        xml.text("cidrBlock", &zone.cidr());
        xml.element("ipv6CidrBlockAssociationSet", |_| {});
        xml.value("availableIpAddressCount", available(zone, &state));
        xml.text("availabilityZone", &zone.name);
        xml.text("availabilityZoneId", &zone.id);
        xml.value("defaultForAz", true);
        xml.value("mapPublicIpOnLaunch", true);
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
    let filters = Filters::read(params, true, vpc_fact)?;
    let chosen = ids(params, "VpcId", "InvalidVpcID.NotFound", "vpc ID", |id| id == network.vpc_id)?;
    page(call, &chosen, "vpcSet")?;
    call.permit()?;
    let state = call.cloud.state();
    let tags = state.tags(&network.vpc_id);
    let passes = filters.pass(|subject, values| match subject {
        Subject::Fact(fact) => fact(network, values),
        tag @ (Subject::Tag(_) | Subject::TagKeys) => tag_values(tag, tags, values),
    });
    xml.list("vpcSet", passes.then_some(network), |xml, network| {
        xml.text("vpcId", &network.vpc_id);
        xml.text("ownerId", ACCOUNT_ID);
        xml.text("state", "available");
        xml.text("cidrBlock", VPC_CIDR);
        xml.list("cidrBlockAssociationSet", [()], |xml, ()| {
            xml.text("cidrBlock", VPC_CIDR);
            xml.text("associationId", &association_id(network));
            xml.element("cidrBlockState", |xml| xml.text("state", "associated"));
        });
        xml.text("dhcpOptionsId", &network.dhcp_options_id);
        xml.text("instanceTenancy", "default");
        xml.value("isDefault", true);
        xml.tags(tags.into_iter().flatten());
    });
    Ok(())
}

/// DescribeSecurityGroups.
pub(super) fn describe_security_groups(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["GroupId", "GroupName", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let network = &call.cloud.network;
    let filters = Filters::read(params, true, group_fact)?;
    let by_id =
        ids(params, "GroupId", "InvalidGroup.NotFound", "security group", |id| id == network.security_group_id)?;
    ids(params, "GroupName", "InvalidGroup.NotFound", "security group", |name| name == DEFAULT_GROUP)?;
    page(call, &by_id, "groupIdSet")?;
    call.permit()?;
    let state = call.cloud.state();
    let tags = state.tags(&network.security_group_id);
    let passes = filters.pass(|subject, values| match subject {
        Subject::Fact(fact) => fact(network, values),
        tag @ (Subject::Tag(_) | Subject::TagKeys) => tag_values(tag, tags, values),
    });
    xml.list("securityGroupInfo", passes.then_some(network), |xml, network| {
        xml.text("ownerId", ACCOUNT_ID);
        xml.text("groupId", &network.security_group_id);
        xml.text("groupName", DEFAULT_GROUP);
        xml.text("groupDescription", DEFAULT_GROUP_DESCRIPTION);
        xml.text("vpcId", &network.vpc_id);
        xml.list("ipPermissions", [()], |xml, ()| {
            xml.text("ipProtocol", "-1");
            xml.list("groups", [()], |xml, ()| {
                xml.text("userId", ACCOUNT_ID);
                xml.text("groupId", &network.security_group_id);
            });
        });
        xml.list("ipPermissionsEgress", [()], |xml, ()| {
            xml.text("ipProtocol", "-1");
            xml.list("ipRanges", [()], |xml, ()| xml.text("cidrIp", "0.0.0.0/0"));
        });
        xml.tags(tags.into_iter().flatten());
    });
    Ok(())
}
