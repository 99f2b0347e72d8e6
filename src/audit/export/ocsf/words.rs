//! OCSF's words, with the numbers and captions of its 1.8.0 dictionary, and what all events are
//! made of.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::ids::{ImageId, InstanceId};
use crate::record::{AttemptError, Entry, InstancePlace};

/// Everything of an event that depends on what kind of record it tells.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) activity: Activity,
    pub(super) status: Status,
    pub(super) severity: Severity,
    pub(super) control: Option<Control>,
    /// What the kind of record came to, as the second half of its event code.
    pub(super) stage: Option<&'static str>,
    pub(super) status_code: Option<String>,
    pub(super) status_detail: Option<String>,
    pub(super) duration_ms: Option<u64>,
    /// One sentence.
    pub(super) message: String,
    pub(super) api: Fields,
    pub(super) authorizations: Vec<Value>,
    pub(super) policy: Option<Value>,
    pub(super) resources: Vec<Value>,
}

impl Told {
    pub(super) fn new(activity: Activity, status: Status, api: Fields, message: String) -> Self {
        Self {
            activity,
            status,
            severity: Severity::Informational,
            control: None,
            stage: None,
            status_code: None,
            status_detail: None,
            duration_ms: None,
            message,
            api,
            authorizations: Vec::new(),
            policy: None,
            resources: Vec::new(),
        }
    }

    /// The same with EC2's or Gantry's reason for its status.
    pub(super) fn because(mut self, code: impl Into<String>, detail: impl Into<String>) -> Self {
        self.status_code = Some(code.into());
        self.status_detail = Some(detail.into());
        self
    }
}

/// What was done, `activity_id`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Activity {
    Create,
    Read,
    Update,
    Delete,
    Other(&'static str),
}

impl Activity {
    pub(super) fn id(self) -> u64 {
        match self {
            Self::Create => 1,
            Self::Read => 2,
            Self::Update => 3,
            Self::Delete => 4,
            Self::Other(_) => 99,
        }
    }

    pub(super) fn caption(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Other(name) => name,
        }
    }
}

/// What came of it, `status_id`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Status {
    Unknown,
    Success,
    Failure,
    Other(&'static str),
}

impl Status {
    pub(super) fn id(self) -> u64 {
        match self {
            Self::Unknown => 0,
            Self::Success => 1,
            Self::Failure => 2,
            Self::Other(_) => 99,
        }
    }

    pub(super) fn caption(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::Other(name) => name,
        }
    }
}

/// How much it takes to put right, `severity_id`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Severity {
    /// Nothing to do.
    Informational,
    /// It is tried again, or somebody only asked.
    Low,
    /// Somebody did not get what was asked for.
    Medium,
    /// Instances may run that nobody wants.
    High,
}

impl Severity {
    pub(super) fn id(self) -> u64 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
        }
    }

    pub(super) fn caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// What a control did about it: `action_id` and `disposition_id` of the profile security_control.
#[derive(Debug, Clone, Copy)]
pub(super) enum Control {
    /// Gantry admitted a launch.
    Admitted,
    /// Gantry refused a launch.
    Refused,
    /// Gantry said that it would admit a launch.
    Previewed,
    /// EC2 did not permit a call.
    Unauthorized,
}

impl Control {
    pub(super) fn action(self) -> (u64, &'static str) {
        match self {
            Self::Admitted => (1, "Allowed"),
            Self::Refused | Self::Unauthorized => (2, "Denied"),
            Self::Previewed => (3, "Observed"),
        }
    }

    pub(super) fn disposition(self) -> (u64, &'static str) {
        match self {
            Self::Admitted => (1, "Allowed"),
            Self::Refused => (2, "Blocked"),
            Self::Previewed => (16, "No Action"),
            Self::Unauthorized => (26, "Unauthorized"),
        }
    }

    /// What EC2 did that answered with this error.
    pub(super) fn of(error: &AttemptError) -> Option<Self> {
        (error.class == "permission").then_some(Self::Unauthorized)
    }
}

/// An object that is being made.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The same with a field.
    pub(super) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a field, if there is a value.
    pub(super) fn some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// The same with a list, if there is anything in it.
    pub(super) fn filled(self, name: &str, values: Vec<Value>) -> Self {
        if values.is_empty() { self } else { self.set(name, values) }
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// A part of an entry, as its JSON.
pub(super) fn as_json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("every part of an entry was read from JSON or is written as JSON to the log")
}

/// An operation of Gantry's LaunchService.
pub(super) fn gantry_api(operation: &str) -> Fields {
    api(operation, "gantry.v1.LaunchService")
}

/// An operation of EC2, named as CloudTrail names it.
pub(super) fn ec2_api(operation: &str) -> Fields {
    api(operation, "ec2.amazonaws.com")
}

/// An operation of this service.
pub(super) fn api(operation: &str, service: &str) -> Fields {
    Fields::default().set("operation", operation).set("service", json!({ "name": service }))
}

/// EC2's answer, when it was an error.
pub(super) fn error_response(error: &AttemptError) -> Fields {
    Fields::default()
        .some("code", error.http_status)
        .set("error", error.code.as_str())
        .set("message", error.message.as_str())
        .set(
            "data",
            Fields::default()
                .set("class", error.class.as_str())
                .set("retryable", error.retryable)
                .set("remedy", error.remedy.as_str())
                .some("ec2_request_id", error.ec2_request_id.as_deref()),
        )
}

/// What a resource is to the call, `role_id`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// The call is about it.
    Target,
    /// The call has to do with it.
    Related,
}

/// The launch of an entry.
pub(super) fn launch(entry: &Entry, role: Role) -> Option<Value> {
    let id = entry.launch_id?.to_string();
    Some(resource(entry, "Gantry::Launch", &id, role).into())
}

/// An image, typed as CloudTrail types it.
pub(super) fn image(entry: &Entry, id: &ImageId) -> Value {
    resource(entry, "AWS::EC2::Ami", id.as_str(), Role::Related).into()
}

/// An instance, typed as CloudTrail types it.
pub(super) fn instance(entry: &Entry, id: &InstanceId) -> Value {
    resource(entry, "AWS::EC2::Instance", id.as_str(), Role::Target).into()
}

/// An instance of which it is known where it is.
pub(super) fn placed_instance(entry: &Entry, place: &InstancePlace) -> Value {
    let data = Fields::default()
        .some("instance_type", place.instance_type.as_deref())
        .some("subnet_id", place.subnet_id.as_deref())
        .some("public_dns_name", place.public_dns_name.as_deref());
    resource(entry, "AWS::EC2::Instance", place.instance_id.as_str(), Role::Target)
        .some("zone", place.availability_zone.as_deref())
        .some("ip", place.private_ip.as_deref())
        .some("hostname", place.private_dns_name.as_deref())
        .some("created_time", place.launch_time.map(|time| time.as_millisecond()))
        .set("data", data)
        .into()
}

fn resource(entry: &Entry, kind: &str, uid: &str, role: Role) -> Fields {
    let (role_id, role) = match role {
        Role::Target => (1, "Target"),
        Role::Related => (4, "Related"),
    };
    Fields::default()
        .set("type", kind)
        .set("uid", uid)
        .set("role_id", role_id)
        .set("role", role)
        .some("region", entry.region.as_ref().map(|region| region.as_str()))
}
