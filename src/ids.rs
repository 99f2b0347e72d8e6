//! Newtype identifiers, and the only place that makes randomness.
//!
//! Amazon's own ids are parsed once, at the edge, and are types from there on; past the edge
//! nothing that names a resource is a bare `String`. Gantry's own ids are UUIDv7, so that they
//! sort by the time they were made. What this module deliberately does not do is check that the
//! thing an id names exists.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// An id that does not have the form its type requires.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: expected {expected}")]
pub struct MalformedId {
    /// What was being parsed, in the words of the field: "image id".
    pub kind: &'static str,
    /// The form that would have been accepted.
    pub expected: &'static str,
}

/// Defines a string newtype with `FromStr`, `Display`, serde through the checked parser, and a
/// borrowed getter. There is no `From<String>` and no `Deref`: an unchecked id cannot be made.
macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as AWS or the caller wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(MalformedId { kind: $kind, expected: $expected })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;
            fn try_from(text: String) -> Result<Self, MalformedId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

string_id!(
    /// An AMI: `ami-` and 8 or 17 lower-case hexadecimal digits.
    ImageId, "image id", "ami- followed by 8 or 17 lower-case hexadecimal digits",
    |text| prefixed_hex(text, "ami-")
);
string_id!(
    /// An EC2 instance: `i-` and 8 or 17 lower-case hexadecimal digits.
    InstanceId, "instance id", "i- followed by 8 or 17 lower-case hexadecimal digits",
    |text| prefixed_hex(text, "i-")
);
string_id!(
    /// A VPC subnet: `subnet-` and 8 or 17 lower-case hexadecimal digits.
    SubnetId, "subnet id", "subnet- followed by 8 or 17 lower-case hexadecimal digits",
    |text| prefixed_hex(text, "subnet-")
);
string_id!(
    /// A security group: `sg-` and 8 or 17 lower-case hexadecimal digits.
    SecurityGroupId, "security group id", "sg- followed by 8 or 17 lower-case hexadecimal digits",
    |text| prefixed_hex(text, "sg-")
);
string_id!(
    /// An AWS account: twelve decimal digits.
    AccountId, "account id", "twelve decimal digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);
string_id!(
    /// An AWS Region name such as `us-east-1`, or the sandbox's `sandbox-1`.
    Region, "Region", "a Region name such as us-east-1",
    |text| text.len() <= 32 && text.contains('-') && slug(text)
);
string_id!(
    /// An Availability Zone name such as `us-east-1a`.
    AvailabilityZone, "Availability Zone", "a zone name such as us-east-1a",
    |text| text.len() <= 48 && text.contains('-') && slug(text)
);
string_id!(
    /// An instance type name such as `m7i.large`. Whether it exists is EC2's to say: types are
    /// born every month, so this is no enum.
    InstanceType, "instance type", "family.size, such as m7i.large",
    |text| {
        text.len() <= 64
            && text.split_once('.').is_some_and(|(family, size)| {
                !family.is_empty()
                    && !size.is_empty()
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
            })
    }
);
string_id!(
    /// The caller's idempotency key (AIP-155): 1 to 128 printable ASCII characters without
    /// spaces, unique per principal and account. A UUID is the usual choice.
    RequestId, "request id", "1 to 128 printable ASCII characters without spaces, a UUID for example",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);
string_id!(
    /// Who asked. `local` until callers are identified.
    Principal, "principal", "1 to 256 characters without control characters",
    |text| (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
);
string_id!(
    /// EC2's idempotency token for RunInstances: at most 64 ASCII characters, case-sensitive
    /// (EC2 API Reference, "Ensuring idempotency").
    ClientToken, "client token", "1 to 64 printable ASCII characters",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);

mod queue_url;
mod role;

pub use queue_url::QueueUrl;
pub use role::{RoleArn, RoleSession, RoleSessionName, SourceIdentity};

fn prefixed_hex(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (rest.len() == 8 || rest.len() == 17) && rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn slug(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Defines a UUIDv7 newtype (RFC 9562 section 5.7), ordered by the time it was made.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id made at `now`, ordered after every id made a millisecond or more before.
            pub fn new(now: Timestamp) -> Self {
                Self(uuid_v7(now))
            }

            /// The sixteen bytes, whose order is the order of time: a key for ordered stores.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id from its sixteen bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                match Uuid::try_parse(text) {
                    Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
                    _ => Err(MalformedId { kind: $kind, expected: "a UUID with hyphens" }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

uuid_id!(
    /// One launch decision, admitted, refused or previewed.
    LaunchId, "launch id"
);
uuid_id!(
    /// One attempt: the unit that happens at most once.
    AttemptId, "attempt id"
);

impl AttemptId {
    /// When it was made, to the millisecond; none of an id that Gantry did not make.
    pub fn time(&self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    }

    /// The EC2 client token of this attempt. Derived and not drawn, so that an attempt read back
    /// from the log can only ever be repeated under the token it was made with.
    pub fn client_token(&self) -> ClientToken {
        ClientToken(format!("gantry-{}", self.0.simple()))
    }
}

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest whose value is already known.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256Digest {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map(|()| Self(bytes))
            .map_err(|_| MalformedId { kind: "SHA-256 digest", expected: "64 hexadecimal digits" })
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = MalformedId;
    fn try_from(text: String) -> Result<Self, MalformedId> {
        text.parse()
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> String {
        digest.to_string()
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `N` bytes from the operating system's random source.
///
/// # Panics
/// If the operating system has no randomness to give; nothing safe can be done without it.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "ids is the one place that makes randomness")]
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

fn uuid_v7(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_ids_are_checked_as_ec2_writes_them() {
        for good in ["ami-f8e54081", "ami-0abcdef1234567890"] {
            assert_eq!(good.parse::<ImageId>().unwrap().as_str(), good);
        }
        for bad in ["", "ami-", "ami-123", "ami-F8E54081", "aki-f8e54081", "ami-0abcdef123456789g", " ami-f8e54081"] {
            assert!(bad.parse::<ImageId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn launch_ids_sort_by_the_time_they_were_made() {
        let early = LaunchId::new(Timestamp::from_second(1_700_000_000).unwrap());
        let late = LaunchId::new(Timestamp::from_second(1_700_000_001).unwrap());
        assert!(early < late);
        assert_eq!(early.to_string().parse::<LaunchId>().unwrap(), early);
    }

    #[test]
    fn an_attempt_has_one_client_token_that_ec2_accepts() {
        let attempt = AttemptId::new(Timestamp::UNIX_EPOCH);
        assert_eq!(attempt.client_token(), attempt.client_token());
        assert!(attempt.client_token().as_str().len() <= 64);
    }
}
