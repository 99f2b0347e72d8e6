//! Options of RunInstances that are checked, kept and shown, and change nothing else here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::spot;
use crate::sandbox::cloud::{LaunchOptions, MetadataOptions, PrivateDns};
use crate::sandbox::instance_types::InstanceType;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;

/// User data before base64 (EC2 User Guide, "Run commands at launch").
const USER_DATA_BYTES_MAX: usize = 16 * 1024;
/// Hops of an IMDS answer.
const HOPS: std::ops::RangeInclusive<i64> = 1..=64;

/// Reads all of them.
pub(super) fn read(params: &Node, instance_type: &InstanceType, hibernation: bool) -> Result<LaunchOptions, Ec2Error> {
    let choice = |structure: &str, name: &str, words: &[&'static str]| -> Result<Option<String>, Ec2Error> {
        let Some(node) = params.member(structure) else { return Ok(None) };
        node.allow_only(&[name])?;
        Ok(node.choice(name, words)?.map(str::to_owned))
    };
    let bandwidth_weighting =
        choice("NetworkPerformanceOptions", "BandwidthWeighting", &["default", "vpc-1", "ebs-1"])?;
    let weightings = instance_type.bandwidth_weightings();
    if bandwidth_weighting.as_deref().is_some_and(|asked| asked != "default" && !weightings.contains(&asked)) {
        let message =
            format!("The instance type '{}' does not support configurable bandwidth weighting.", instance_type.name());
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    let feature = |name: &str, feature: &str| -> Result<Option<String>, Ec2Error> {
        let Some(node) = params.member("CpuOptions") else { return Ok(None) };
        let chosen = node.choice(name, &["enabled", "disabled"])?;
        if chosen == Some("enabled") && !instance_type.has_feature(feature) {
            let message = format!("The instance type '{}' does not support {feature}.", instance_type.name());
            return Err(Ec2Error::new("UnsupportedOperation", message));
        }
        Ok(chosen.map(str::to_owned))
    };
    Ok(LaunchOptions {
        user_data: params.text("UserData").map(user_data).transpose()?.filter(|data| !data.is_empty()),
        cpu_credits: cpu_credits(params, instance_type)?,
        amd_sev_snp: feature("AmdSevSnp", "amd-sev-snp")?,
        nested_virtualization: feature("NestedVirtualization", "nested-virtualization")?,
        capacity_reservations: capacity_reservations(params)?,
        auto_recovery: choice("MaintenanceOptions", "AutoRecovery", &["default", "disabled"])?,
        bandwidth_weighting,
        private_dns: private_dns(params)?,
        licenses: licenses(params)?,
        spot: spot::read(params, instance_type, hibernation)?,
    })
}

/// Decodes user data and encodes it again in the one way that answers use.
pub(in crate::sandbox::actions) fn user_data(text: &str) -> Result<String, Ec2Error> {
    let invalid = |message: String| Ec2Error::new("InvalidParameterValue", message);
    // Encoders break lines; decoders must not mind.
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let decoded = STANDARD.decode(compact).map_err(|_| invalid("Invalid BASE64 encoding of user data.".to_owned()))?;
    if decoded.len() > USER_DATA_BYTES_MAX {
        return Err(invalid(format!("User data is limited to {USER_DATA_BYTES_MAX} bytes")));
    }
    Ok(STANDARD.encode(decoded))
}

/// The credit option of burstable types.
fn cpu_credits(params: &Node, instance_type: &InstanceType) -> Result<Option<String>, Ec2Error> {
    let asked = params.member("CreditSpecification").and_then(|node| node.text("CpuCredits"));
    if let Some(other) = asked.filter(|asked| !matches!(*asked, "standard" | "unlimited")) {
        return Err(Ec2Error::new("InvalidCpuCredits", format!("Invalid value '{other}' for CpuCredits")));
    }
    if !instance_type.is_burstable() {
        return match asked {
            // What the API Reference says of `unlimited`; EC2 ignores `standard`.
            Some("unlimited") => Err(Ec2Error::new(
                "InstanceCreditSpecification.NotSupported",
                format!("The instance type '{}' does not support credit specification", instance_type.name()),
            )),
            _ => Ok(None),
        };
    }
    Ok(asked.map(str::to_owned).or_else(|| default_credits(instance_type)))
}

/// The credit option that a burstable type has unless told otherwise; T1 has none.
pub(in crate::sandbox::actions) fn default_credits(instance_type: &InstanceType) -> Option<String> {
    let default = if instance_type.family() == "t2" { "standard" } else { "unlimited" };
    (instance_type.is_burstable() && instance_type.family() != "t1").then(|| default.to_owned())
}

/// `CapacityReservationPreference`. The account has no reservation to launch into.
fn capacity_reservations(params: &Node) -> Result<Option<String>, Ec2Error> {
    let Some(node) = params.member("CapacityReservationSpecification") else { return Ok(None) };
    node.allow_only(&["CapacityReservationPreference", "CapacityReservationTarget"])?;
    if let Some(target) = node.member("CapacityReservationTarget") {
        target.allow_only(&["CapacityReservationId", "CapacityReservationResourceGroupArn"])?;
        let Some(id) = target.text("CapacityReservationId") else {
            return Err(Ec2Error::not_served("CapacityReservationResourceGroupArn"));
        };
        let message = format!("The capacity reservation '{id}' does not exist");
        return Err(Ec2Error::new("InvalidCapacityReservationId.NotFound", message));
    }
    match node.choice("CapacityReservationPreference", &["capacity-reservations-only", "open", "none"])? {
        Some("capacity-reservations-only") => {
            let message = "There is no Capacity Reservation with available capacity that matches the request.";
            Err(Ec2Error::new("ReservationCapacityExceeded", message))
        }
        preference => Ok(preference.map(str::to_owned)),
    }
}

fn private_dns(params: &Node) -> Result<PrivateDns, Ec2Error> {
    let Some(node) = params.member("PrivateDnsNameOptions") else { return Ok(PrivateDns::default()) };
    node.allow_only(&["EnableResourceNameDnsAAAARecord", "EnableResourceNameDnsARecord", "HostnameType"])?;
    Ok(PrivateDns {
        by_resource: node.choice("HostnameType", &["ip-name", "resource-name"])? == Some("resource-name"),
        a_record: node.boolean("EnableResourceNameDnsARecord")?.unwrap_or(false),
        aaaa_record: node.boolean("EnableResourceNameDnsAAAARecord")?.unwrap_or(false),
    })
}

/// License configurations. License Manager is not part of the sandbox, so any ARN is taken to name
/// one.
fn licenses(params: &Node) -> Result<Vec<String>, Ec2Error> {
    params
        .list("LicenseSpecification")
        .map(|node| {
            node.allow_only(&["LicenseConfigurationArn"])?;
            node.required("LicenseConfigurationArn").map(str::to_owned)
        })
        .collect()
}

/// `MetadataOptions` as far as the request sets them.
#[derive(Debug, Default)]
pub(super) struct MetadataRequest {
    http_tokens: Option<&'static str>,
    hop_limit: Option<u8>,
    http_endpoint: Option<&'static str>,
    http_protocol_ipv6: Option<&'static str>,
    instance_metadata_tags: Option<&'static str>,
}

impl MetadataRequest {
    /// Reads the structure.
    pub(super) fn read(node: Option<&Node>) -> Result<Self, Ec2Error> {
        let Some(node) = node else { return Ok(Self::default()) };
        node.allow_only(&[
            "HttpEndpoint",
            "HttpProtocolIpv6",
            "HttpPutResponseHopLimit",
            "HttpTokens",
            "InstanceMetadataTags",
        ])?;
        let switch = &["disabled", "enabled"];
        let hop_limit = match node.integer("HttpPutResponseHopLimit")? {
            None => None,
            Some(hops) => match u8::try_from(hops).ok().filter(|_| HOPS.contains(&hops)) {
                Some(hops) => Some(hops),
                None => {
                    let why = "Expecting a value between 1 and 64.";
                    return Err(Ec2Error::invalid("HttpPutResponseHopLimit", &hops.to_string(), why));
                }
            },
        };
        Ok(Self {
            http_tokens: node.choice("HttpTokens", &["optional", "required"])?,
            hop_limit,
            http_endpoint: node.choice("HttpEndpoint", switch)?,
            http_protocol_ipv6: node.choice("HttpProtocolIpv6", switch)?,
            instance_metadata_tags: node.choice("InstanceMetadataTags", switch)?,
        })
    }

    /// Each option by itself: the request's, or the image's (IMDSv2 and two hops), or EC2's.
    pub(super) fn resolve(&self, image_wants_v2: bool) -> MetadataOptions {
        let (tokens, hops) = if image_wants_v2 { ("required", 2) } else { ("optional", 1) };
        MetadataOptions {
            http_tokens: self.http_tokens.unwrap_or(tokens).to_owned(),
            hop_limit: self.hop_limit.unwrap_or(hops),
            http_endpoint: self.http_endpoint.unwrap_or("enabled").to_owned(),
            http_protocol_ipv6: self.http_protocol_ipv6.unwrap_or("disabled").to_owned(),
            instance_metadata_tags: self.instance_metadata_tags.unwrap_or("disabled").to_owned(),
        }
    }
}
