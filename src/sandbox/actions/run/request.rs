//! The parameters of RunInstances, read and checked one by one.
//!
//! What the sandbox does not serve it refuses by name: a launch that silently lacks what was asked
//! for would be worse than none.

use super::interfaces::{InterfaceRequest, Interfaces};
use super::options::{self, MetadataRequest};
use super::placement::place;
use crate::sandbox::actions::{Call, key_pairs, tags};
use crate::sandbox::cloud::{LaunchOptions, Tags};
use crate::sandbox::instance_types::{self, InstanceType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::{Node, Query};
use crate::sandbox::zones::Zone;

/// Characters of a client token.
const CLIENT_TOKEN_CHARS_MAX: usize = 64;
/// Instances of one request; the resource bucket of RunInstances holds as many tokens.
const COUNT_MAX: u32 = 1000;

const SERVED: &[&str] = &[
    "BlockDeviceMapping",
    "CapacityReservationSpecification",
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
    "LicenseSpecification",
    "MaintenanceOptions",
    "MaxCount",
    "MetadataOptions",
    "MinCount",
    "Monitoring",
    "NetworkInterface",
    "NetworkPerformanceOptions",
    "Placement",
    "PrivateDnsNameOptions",
    "PrivateIpAddress",
    "SecurityGroup",
    "SecurityGroupId",
    "SubnetId",
    "TagSpecification",
    "UserData",
];

/// What RunInstances or a launch template can say and the sandbox refuses.
const NOT_SERVED: &[&str] = &[
    "AdditionalInfo",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerator",
    "EnablePrimaryIpv6",
    "Ipv6Address",
    "Ipv6AddressCount",
    "KernelId",
    "Operator",
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
    pub(super) tags: TagSpecifications,
    pub(super) metadata: MetadataRequest,
    /// The `BlockDeviceMapping` list, for whoever knows the image.
    pub(super) mappings: Vec<&'a Node>,
    pub(super) key_name: Option<&'a str>,
    /// The interfaces, the primary one first.
    pub(super) interfaces: Vec<InterfaceRequest<'a>>,
    /// The private address of each, by number, where the request names one.
    pub(super) private_addresses: Vec<Option<u32>>,
    pub(super) public_address: bool,
    pub(super) monitoring: bool,
    pub(super) ebs_optimized: bool,
    pub(super) enclave: bool,
    pub(super) hibernation: bool,
    pub(super) tenancy: &'static str,
    pub(super) iam_profile: Option<String>,
    pub(super) shutdown_behavior: Option<&'static str>,
    pub(super) termination_protected: bool,
    pub(super) stop_protected: bool,
    /// Cores and threads per core, if the request chooses them.
    pub(super) cpu: Option<(u64, u64)>,
    pub(super) options: LaunchOptions,
}

/// Tags by what they are for; the same for every instance of the launch.
#[derive(Debug, Default)]
pub(super) struct TagSpecifications {
    pub(super) instance: Tags,
    pub(super) volume: Tags,
    pub(super) interface: Tags,
    pub(super) spot_request: Tags,
}

impl TagSpecifications {
    fn read(params: &Node, spot: bool) -> Result<Self, Ec2Error> {
        let mut all = Self::default();
        for specification in params.list("TagSpecification") {
            specification.allow_only(&["ResourceType", "Tag"])?;
            let target = match specification.required("ResourceType")? {
                "instance" => &mut all.instance,
                "volume" => &mut all.volume,
                "network-interface" => &mut all.interface,
                "spot-instances-request" if spot => &mut all.spot_request,
                "spot-instances-request" => {
                    let message = "Tag specification resource type 'spot-instances-request' requires a spot request";
                    return Err(Ec2Error::combination(message));
                }
                other => {
                    let message = format!("'{other}' is not a valid taggable resource type for this operation.");
                    return Err(Ec2Error::new("InvalidParameterValue", message));
                }
            };
            target.extend(tags::read(specification)?);
        }
        Ok(all)
    }
}

impl<'a> Request<'a> {
    /// Reads the parameters in `query`, which are the call's own or those laid over a template's.
    pub(super) fn read(call: &Call<'a>, query: &'a Query) -> Result<Self, Ec2Error> {
        let params = query.root();
        params.refuse(NOT_SERVED)?;
        params.member("Monitoring").map_or(Ok(()), |monitoring| monitoring.refuse(&["MetricCategoryId"]))?;
        query.allow_only(SERVED)?;
        let network = &call.cloud.network;
        let (min_count, max_count) = counts(params)?;
        let image_id = params.required("ImageId")?;
        let type_name = params.text("InstanceType").unwrap_or("m1.small");
        let instance_type = instance_types::get(type_name).ok_or_else(|| {
            Ec2Error::new("InvalidParameterValue", format!("Invalid value '{type_name}' for InstanceType."))
        })?;
        let flag = |structure: &str, name: &str| -> Result<bool, Ec2Error> {
            let Some(node) = params.member(structure) else { return Ok(false) };
            node.allow_only(&[name])?;
            Ok(node.boolean(name)?.unwrap_or(false))
        };
        let interfaces = Interfaces::read(params, instance_type)?;
        let of_subnet = interfaces.subnet_zone(network)?;
        let default_vpc = call.account().default_vpc;
        if of_subnet.is_none() && !default_vpc {
            return Err(Ec2Error::new("VPCIdNotSpecified", "No default VPC for this user"));
        }
        let (zone, tenancy) = place(params, network, of_subnet)?;
        interfaces.check_groups(params, network)?;
        let hibernation = flag("HibernationOptions", "Configured")?;
        let options = options::read(params, instance_type, hibernation)?;
        Ok(Self {
            image_id,
            instance_type,
            min_count,
            max_count,
            zone,
            client_token: client_token(params)?,
            tags: TagSpecifications::read(params, options.spot.is_some())?,
            metadata: MetadataRequest::read(params.member("MetadataOptions"))?,
            mappings: params.list("BlockDeviceMapping").collect(),
            key_name: key_name(call, params)?,
            private_addresses: interfaces.private_addresses(zone, max_count)?,
            public_address: interfaces.public_address(default_vpc),
            interfaces: interfaces.into_list(),
            monitoring: flag("Monitoring", "Enabled")?,
            ebs_optimized: params.boolean("EbsOptimized")?.unwrap_or(false),
            enclave: flag("EnclaveOptions", "Enabled")?,
            hibernation,
            tenancy,
            iam_profile: iam_profile(call, params)?,
            shutdown_behavior: params.choice("InstanceInitiatedShutdownBehavior", &["stop", "terminate"])?,
            termination_protected: params.boolean("DisableApiTermination")?.unwrap_or(false),
            stop_protected: params.boolean("DisableApiStop")?.unwrap_or(false),
            cpu: cpu(params, instance_type)?,
            options,
        })
    }

    /// Whether it asks for Spot Instances.
    pub(super) fn is_spot(&self) -> bool {
        self.options.spot.is_some()
    }

    /// Private addresses that each of its instances needs: one at least, of the primary interface.
    pub(super) fn addresses_each(&self) -> usize {
        self.interfaces.iter().filter(|interface| interface.has_address()).count().max(1)
    }

    /// The scope of a client token: the zone that the request names, if any.
    pub(super) fn named_zone(&self) -> Option<String> {
        self.zone.map(|zone| zone.name.clone())
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

/// The client token.
pub(super) fn client_token(params: &Node) -> Result<Option<String>, Ec2Error> {
    let Some(token) = params.text("ClientToken") else { return Ok(None) };
    if token.chars().count() > CLIENT_TOKEN_CHARS_MAX || !token.is_ascii() {
        let message = format!("The client token must be at most {CLIENT_TOKEN_CHARS_MAX} ASCII characters");
        return Err(Ec2Error::new("InvalidClientToken", message));
    }
    Ok(Some(token.to_owned()))
}

fn key_name<'a>(call: &Call<'_>, params: &'a Node) -> Result<Option<&'a str>, Ec2Error> {
    match params.text("KeyName") {
        None | Some("") => Ok(None),
        Some(known) if key_pairs::exists(&call.cloud.state(), known) => Ok(Some(known)),
        Some(other) => Err(Ec2Error::new("InvalidKeyPair.NotFound", format!("The key pair '{other}' does not exist"))),
    }
}

/// The profile as an ARN. IAM is not part of the sandbox, so any name is taken to exist.
fn iam_profile(call: &Call<'_>, params: &Node) -> Result<Option<String>, Ec2Error> {
    let Some(node) = params.member("IamInstanceProfile") else { return Ok(None) };
    node.allow_only(&["Arn", "Name"])?;
    match (node.text("Arn"), node.text("Name")) {
        (Some(_), Some(_)) => {
            let message =
                "The parameter iamInstanceProfile.name may not be used in combination with iamInstanceProfile.arn";
            Err(Ec2Error::combination(message))
        }
        (Some(arn), None) if !(arn.starts_with("arn:") && arn.contains(":instance-profile/")) => {
            let message = format!("Invalid IAM Instance Profile ARN: {arn}");
            Err(Ec2Error::new("InvalidIamInstanceProfileArn.Malformed", message))
        }
        (Some(arn), None) => Ok(Some(arn.to_owned())),
        (None, name) => Ok(name.map(|name| format!("arn:aws:iam::{}:instance-profile/{name}", call.account_id()))),
    }
}

fn cpu(params: &Node, instance_type: &InstanceType) -> Result<Option<(u64, u64)>, Ec2Error> {
    let Some(node) = params.member("CpuOptions") else { return Ok(None) };
    node.allow_only(&["AmdSevSnp", "CoreCount", "NestedVirtualization", "ThreadsPerCore"])?;
    let (cores, threads) = instance_type.cores();
    let one_of = |name: &str, default: u64, valid: &[u64]| -> Result<u64, Ec2Error> {
        let Some(value) = node.integer(name)? else { return Ok(default) };
        u64::try_from(value)
            .ok()
            .filter(|value| *value == default || valid.contains(value))
            .ok_or_else(|| Ec2Error::invalid(name, &value.to_string(), "The instance type does not offer it."))
    };
    let (valid_cores, valid_threads) = instance_type.valid_cores();
    Ok(Some((one_of("CoreCount", cores, &valid_cores)?, one_of("ThreadsPerCore", threads, &valid_threads)?)))
}
