//! What a version of a launch template asks for, as far as our own types can say it, and the names of
//! everything else in it.
//!
//! A template is read so that a launch can be judged as EC2 would make it. What has no place here is
//! never left out in silence: it is in [`LaunchTemplate::uncarried`], and whoever launches decides about
//! it. This is no fact to be recorded as it is, because it may hold user data; it does not serialise.

use std::collections::BTreeMap;
use std::fmt;

use super::run::{
    RunBlockDevice, RunCpuOptions, RunInstanceProfile, RunMarket, RunMetadataOptions, RunNetworkInterface, RunPlacement,
};
use crate::ids::SecurityGroupId;

/// What an image's id begins with where it is the name of a parameter (EC2 User Guide, "Use a Systems Manager
/// parameter instead of an AMI ID").
pub const RESOLVE_SSM: &str = "resolve:ssm:";

/// How a launch template is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateName<'a> {
    /// By its id, `lt-…`.
    Id(&'a str),
    /// By its name.
    Name(&'a str),
}

/// One version of a launch template.
#[derive(Debug, Clone, PartialEq)]
pub struct LaunchTemplate {
    /// Its id.
    pub launch_template_id: String,
    /// Its name.
    pub launch_template_name: Option<String>,
    /// The version's number; a version never changes.
    pub version_number: u64,
    /// What it asks for.
    pub data: TemplateData,
    /// What it asks for beside that.
    pub uncarried: Vec<Uncarried>,
}

/// What a launch template asks for. An absent field is left to the launch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateData {
    /// The AMI: its id, or [`RESOLVE_SSM`] and the name of a parameter.
    pub image_id: Option<String>,
    /// The type.
    pub instance_type: Option<String>,
    /// Zone, tenancy, host and placement group.
    pub placement: RunPlacement,
    /// A capacity reservation to launch into.
    pub capacity_reservation_id: Option<String>,
    /// How the capacity is bought.
    pub market: Option<RunMarket>,
    /// A key pair.
    pub key_name: Option<String>,
    /// Security groups.
    pub security_group_ids: Vec<SecurityGroupId>,
    /// Network interfaces.
    pub network_interfaces: Vec<RunNetworkInterface>,
    /// The instance profile.
    pub iam_instance_profile: Option<RunInstanceProfile>,
    /// The user data, decoded.
    pub user_data: Option<UserData>,
    /// Changes to the AMI's volumes.
    pub block_device_mappings: Vec<RunBlockDevice>,
    /// Instance metadata service.
    pub metadata_options: RunMetadataOptions,
    /// Whether the instance shall be able to hibernate.
    pub hibernation: Option<bool>,
    /// Whether Nitro Enclaves are enabled.
    pub enclave: Option<bool>,
    /// `standard` or `unlimited`.
    pub cpu_credits: Option<String>,
    /// CPU options.
    pub cpu_options: RunCpuOptions,
    /// Tags of the instances.
    pub instance_tags: BTreeMap<String, String>,
    /// Tags of the volumes.
    pub volume_tags: BTreeMap<String, String>,
}

/// Something in a template that [`TemplateData`] has no place for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncarried {
    /// Where, in EC2's names in snake case: `monitoring.enabled`, `network_interfaces[0].description`.
    pub field: String,
    /// What is there, or what kind of thing; never a tag's value or user data.
    pub observed: String,
}

impl Uncarried {
    /// The parameter of RunInstances that it is part of: `network_interfaces`. A launch that gives this
    /// parameter itself replaces it.
    pub fn parameter(&self) -> &str {
        let end = self.field.find(['.', '[']).unwrap_or(self.field.len());
        &self.field[..end]
    }
}

/// User data, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(pub Vec<u8>);

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
