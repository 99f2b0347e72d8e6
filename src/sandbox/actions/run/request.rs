//! The parameters of RunInstances, read and checked one by one.
//!
//! What the sandbox does not serve it refuses by name: a launch that silently lacks what was asked
//! for would be worse than none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::placement::{Interface, place, security_groups};
use crate::sandbox::ACCOUNT_ID;
use crate::sandbox::actions::Call;
use crate::sandbox::actions::tags;
use crate::sandbox::cloud::{MetadataOptions, Tags};
use crate::sandbox::instance_types::{self, InstanceType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::zones::Zone;

/// User data before base64 (EC2 User Guide, "Run commands at launch").
const USER_DATA_BYTES_MAX: usize = 16 * 1024;
/// Characters of a client token.
const CLIENT_TOKEN_CHARS_MAX: usize = 64;
/// Instances of one request; the resource bucket of RunInstances holds as many tokens.
const COUNT_MAX: u32 = 1000;
/// The one key pair of the sandbox's account.
const KEY_PAIR: &str = "sandbox";

const SERVED: &[&str] = &[
    "BlockDeviceMapping",
    "ClientToken",
    "CpuOptions",
    "CreditSpecification",
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "EnclaveOptions",
    "HibernationOptions",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceMarketOptions",
    "InstanceType",
    "KeyName",
    "MaxCount",
    "MetadataOptions",
    "MinCount",
    "Monitoring",
    "NetworkInterface",
    "Placement",
    "SecurityGroup",
    "SecurityGroupId",
    "SubnetId",
    "TagSpecification",
    "UserData",
];

const NOT_SERVED: &[&str] = &[
    "AdditionalInfo",
    "CapacityReservationSpecification",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerator",
    "EnablePrimaryIpv6",
    "Ipv6Address",
    "Ipv6AddressCount",
    "KernelId",
    "LaunchTemplate",
    "LicenseSpecification",
    "MaintenanceOptions",
    "NetworkPerformanceOptions",
    "Operator",
    "PrivateDnsNameOptions",
    "PrivateIpAddress",
    "RamdiskId",
    "SecondaryInterface",
];

/// A request that is well-formed in itself.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) image_id: &'a str,
    pub(super) instance_type: &'static InstanceType,
    pub(super) min_count: u32,
    pub(super) max_count: u32,
    /// The zone that the request names, by subnet or by zone.
    pub(super) zone: Option<&'a Zone>,
    pub(super) client_token: Option<String>,
    pub(super) instance_tags: Tags,
    pub(super) volume_tags: Tags,
    pub(super) interface_tags: Tags,
    pub(super) metadata: MetadataRequest,
    /// The `BlockDeviceMapping` list, for whoever knows the image.
    pub(super) mappings: Vec<&'a Node>,
    pub(super) key_name: Option<&'a str>,
    pub(super) security_groups: Vec<String>,
    pub(super) public_address: bool,
    pub(super) monitoring: bool,
    pub(super) ebs_optimized: bool,
    pub(super) enclave: bool,
    pub(super) hibernation: bool,
    pub(super) spot: bool,
    pub(super) tenancy: &'static str,
    pub(super) iam_profile: Option<String>,
    pub(super) shutdown_behavior: Option<&'static str>,
    pub(super) termination_protected: bool,
    /// Cores and threads per core, if the request chooses them.
    pub(super) cpu: Option<(u64, u64)>,
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
    fn read(node: Option<&Node>) -> Result<Self, Ec2Error> {
        let Some(node) = node else { return Ok(Self::default()) };
        let switch = &["disabled", "enabled"];
        let hop_limit = match node.integer("HttpPutResponseHopLimit")? {
            None => None,
            Some(hops) => match u8::try_from(hops) {
                Ok(hops @ 1..=64) => Some(hops),
                _ => {
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

impl<'a> Request<'a> {
    /// Reads the call's parameters.
    pub(super) fn read(call: &Call<'a>) -> Result<Self, Ec2Error> {
        let params = call.query.root();
        if let Some(name) = NOT_SERVED.iter().find(|name| params.member(name).is_some()) {
            let message = format!("The sandbox does not serve the parameter {name} of RunInstances");
            return Err(Ec2Error::new("UnsupportedOperation", message));
        }
        call.query.allow_only(SERVED)?;
        let network = &call.cloud.network;
        let (min_count, max_count) = counts(params)?;
        let image_id = params.required("ImageId")?;
        let type_name = params.text("InstanceType").unwrap_or("m1.small");
        let instance_type = instance_types::get(type_name).ok_or_else(|| {
            Ec2Error::new("InvalidParameterValue", format!("Invalid value '{type_name}' for InstanceType."))
        })?;
        let flag = |structure: &str, name: &str| -> Result<bool, Ec2Error> {
            params.member(structure).map_or(Ok(None), |node| node.boolean(name)).map(|flag| flag.unwrap_or(false))
        };
        let interface = Interface::read(params)?;
        let (zone, tenancy) = place(params, network, interface.subnet_id)?;
        let mut request = Self {
            image_id,
            instance_type,
            min_count,
            max_count,
            zone,
            client_token: client_token(params)?,
            instance_tags: Tags::new(),
            volume_tags: Tags::new(),
            interface_tags: Tags::new(),
            metadata: MetadataRequest::read(params.member("MetadataOptions"))?,
            mappings: params.list("BlockDeviceMapping").collect(),
            key_name: key_name(params)?,
            security_groups: security_groups(params, network, &interface)?,
            public_address: interface.public_address.unwrap_or(true),
            monitoring: flag("Monitoring", "Enabled")?,
            ebs_optimized: params.boolean("EbsOptimized")?.unwrap_or(false),
            enclave: flag("EnclaveOptions", "Enabled")?,
            hibernation: flag("HibernationOptions", "Configured")?,
            spot: is_spot(params)?,
            tenancy,
            iam_profile: iam_profile(params),
            shutdown_behavior: params.choice("InstanceInitiatedShutdownBehavior", &["stop", "terminate"])?,
            termination_protected: params.boolean("DisableApiTermination")?.unwrap_or(false),
            cpu: cpu(params, instance_type)?,
        };
        params.boolean("DisableApiStop")?;
        user_data(params)?;
        credits(params)?;
        request.read_tags(params)?;
        Ok(request)
    }

    /// The scope of a client token: the zone that the request names, if any.
    pub(super) fn named_zone(&self) -> Option<String> {
        self.zone.map(|zone| zone.name.clone())
    }

    fn read_tags(&mut self, params: &Node) -> Result<(), Ec2Error> {
        for specification in params.list("TagSpecification") {
            let kind = specification.required("ResourceType")?;
            let read = tags::read(specification)?;
            let target = match kind {
                "instance" => &mut self.instance_tags,
                "volume" => &mut self.volume_tags,
                "network-interface" => &mut self.interface_tags,
                "spot-instances-request" if self.spot => continue,
                "spot-instances-request" => {
                    let message = "Tag specification resource type 'spot-instances-request' requires a spot request";
                    return Err(Ec2Error::combination(message));
                }
                other => {
                    let message = format!("'{other}' is not a valid taggable resource type for this operation.");
                    return Err(Ec2Error::new("InvalidParameterValue", message));
                }
            };
            target.extend(read);
        }
        Ok(())
    }
}

fn counts(params: &Node) -> Result<(u32, u32), Ec2Error> {
    let count = |name: &str| -> Result<u32, Ec2Error> {
        let value = params.integer(name)?.ok_or_else(|| Ec2Error::missing(name))?;
        match u32::try_from(value) {
            Ok(count @ 1..=COUNT_MAX) => Ok(count),
            Ok(0) | Err(_) => Err(Ec2Error::invalid(name, &value.to_string(), "It must be at least 1.")),
            Ok(_) => {
                let message = format!("{name} {value} exceeds the {COUNT_MAX} instances that one request may ask for");
                Err(Ec2Error::new("ResourceCountExceeded", message))
            }
        }
    };
    let (min, max) = (count("MinCount")?, count("MaxCount")?);
    if min > max {
        let why = format!("It must not be greater than maxCount, which is {max}.");
        return Err(Ec2Error::invalid("minCount", &min.to_string(), &why));
    }
    Ok((min, max))
}

fn client_token(params: &Node) -> Result<Option<String>, Ec2Error> {
    let Some(token) = params.text("ClientToken").filter(|token| !token.is_empty()) else { return Ok(None) };
    if token.chars().count() > CLIENT_TOKEN_CHARS_MAX || !token.is_ascii() {
        let message = format!("The client token must be at most {CLIENT_TOKEN_CHARS_MAX} ASCII characters");
        return Err(Ec2Error::new("InvalidClientToken", message));
    }
    Ok(Some(token.to_owned()))
}

fn user_data(params: &Node) -> Result<(), Ec2Error> {
    let Some(text) = params.text("UserData") else { return Ok(()) };
    let invalid = |message: String| Ec2Error::new("InvalidParameterValue", message);
    // Encoders break lines; decoders must not mind.
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let decoded = STANDARD.decode(compact).map_err(|_| invalid("Invalid BASE64 encoding of user data.".to_owned()))?;
    if decoded.len() > USER_DATA_BYTES_MAX {
        return Err(invalid(format!("User data is limited to {USER_DATA_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn key_name(params: &Node) -> Result<Option<&str>, Ec2Error> {
    match params.text("KeyName") {
        None | Some("") => Ok(None),
        Some(KEY_PAIR) => Ok(Some(KEY_PAIR)),
        Some(other) => Err(Ec2Error::new("InvalidKeyPair.NotFound", format!("The key pair '{other}' does not exist"))),
    }
}

/// The profile as an ARN. IAM is not part of the sandbox, so any name is taken to exist.
fn iam_profile(params: &Node) -> Option<String> {
    let node = params.member("IamInstanceProfile")?;
    let by_name = |name| format!("arn:aws:iam::{ACCOUNT_ID}:instance-profile/{name}");
    node.text("Arn").map(str::to_owned).or_else(|| node.text("Name").map(by_name))
}

fn is_spot(params: &Node) -> Result<bool, Ec2Error> {
    let market = params.member("InstanceMarketOptions");
    match market.map(|node| node.choice("MarketType", &["spot", "on-demand"])).transpose()?.flatten() {
        Some("spot") => Ok(true),
        _ => Ok(false),
    }
}

fn credits(params: &Node) -> Result<(), Ec2Error> {
    match params.member("CreditSpecification").and_then(|node| node.text("CpuCredits")) {
        None | Some("standard" | "unlimited") => Ok(()),
        Some(other) => Err(Ec2Error::new("InvalidCpuCredits", format!("Invalid value '{other}' for CpuCredits"))),
    }
}

fn cpu(params: &Node, instance_type: &InstanceType) -> Result<Option<(u64, u64)>, Ec2Error> {
    let Some(node) = params.member("CpuOptions") else { return Ok(None) };
    if let Some(name) = node.member_names().find(|name| !matches!(*name, "CoreCount" | "ThreadsPerCore")) {
        let message = format!("The sandbox does not serve CpuOptions.{name}");
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    let (cores, threads) = instance_type.cores();
    let within = |name: &str, max: u64| -> Result<u64, Ec2Error> {
        match node.integer(name)? {
            None => Ok(max),
            Some(value) => u64::try_from(value)
                .ok()
                .filter(|value| (1..=max).contains(value))
                .ok_or_else(|| Ec2Error::invalid(name, &value.to_string(), "The instance type does not offer it.")),
        }
    };
    Ok(Some((within("CoreCount", cores)?, within("ThreadsPerCore", threads)?)))
}
