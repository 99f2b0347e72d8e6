//! What `UnauthorizedOperation` says in code: the encoded authorization failure message, which
//! DecodeAuthorizationMessage of STS turns back into the reasons.
//!
//! EC2 encodes the reasons because they are privileged; nothing but the service can read them.
//! Here they are bound to the sandbox's seed: a sandbox with another seed cannot read them. It is
//! no protection, because the seed is no secret. Who is denied what is not decided here.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::ids::AccountId;
use crate::sandbox::callers::Caller;

/// Characters of an `EncodedMessage` (STS API Reference, "DecodeAuthorizationMessage").
pub(crate) const ENCODED_CHARS_MAX: usize = 10_240;
/// Bytes of the digest in front of the hidden text.
const DIGEST_BYTES: usize = 32;

/// One refused call, as an explicit deny in a policy refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denial<'a> {
    /// The action without its service, such as `RunInstances`.
    pub(crate) action: &'a str,
    pub(crate) region: &'a str,
    /// The ARN of what the action was refused on; see [`resource_of`].
    pub(crate) resource: &'a str,
    pub(crate) access_key: &'a str,
    pub(crate) caller: &'a Caller,
}

/// What an action is refused on: the ARN that the Service Authorization Reference gives as the
/// action's first resource type, and `*` for actions without resources, as all Describe calls are.
pub(crate) fn resource_of(action: &str, region: &str, account_id: &AccountId) -> String {
    let kind = match action {
        "RunInstances"
        | "StartInstances"
        | "StopInstances"
        | "RebootInstances"
        | "TerminateInstances"
        | "GetConsoleOutput"
        | "ModifyInstanceAttribute"
        | "CreateTags"
        | "DeleteTags" => "instance",
        "CreateLaunchTemplate"
        | "CreateLaunchTemplateVersion"
        | "ModifyLaunchTemplate"
        | "DeleteLaunchTemplate"
        | "DeleteLaunchTemplateVersions" => "launch-template",
        "CreateKeyPair" | "ImportKeyPair" | "DeleteKeyPair" => "key-pair",
        _ => return "*".to_owned(),
    };
    format!("arn:aws:ec2:{region}:{account_id}:{kind}/*")
}

impl Denial<'_> {
    /// The reasons as STS shows them when asked to decode.
    fn document(&self) -> String {
        let none = || json!({ "items": [] });
        let one = |value: &str| json!({ "items": [{ "value": value }] });
        let action = format!("ec2:{}", self.action);
        let context = |key: &str, value: &str| json!({ "key": key, "values": one(value) });
        json!({
            "allowed": false,
            "explicitDeny": true,
            "matchedStatements": { "items": [{
                "statementId": "SandboxDeny",
                "effect": "DENY",
                "principals": one(&self.caller.user_id()),
                "principalGroups": none(),
                "actions": one(&action),
                "resources": one("*"),
                "conditions": none(),
            }] },
            "failures": none(),
            "context": {
                "principal": { "id": self.caller.user_id(), "arn": self.caller.arn() },
                "action": action,
                "resource": self.resource,
                "conditions": { "items": [
                    context("aws:Region", self.region),
                    context("ec2:Region", self.region),
                    context("sandbox:AccessKeyId", self.access_key),
                ] },
            },
        })
        .to_string()
    }

    /// The message as it stands in an error: URL-safe, and unreadable without `seed`.
    pub(crate) fn encode(&self, seed: u64) -> String {
        let text = self.document().into_bytes();
        let digest = digest(seed, &text);
        let mut bytes = digest.to_vec();
        bytes.extend(hide(seed, &digest, text));
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// The reasons in a message that a sandbox with this seed encoded.
pub(crate) fn decode(encoded: &str, seed: u64) -> Option<String> {
    if encoded.len() > ENCODED_CHARS_MAX {
        return None;
    }
    // Whoever copies a message from a terminal copies its line breaks too.
    let compact: Cow<'_, str> = if encoded.contains(char::is_whitespace) {
        encoded.split_whitespace().collect::<String>().into()
    } else {
        encoded.into()
    };
    let bytes = URL_SAFE_NO_PAD.decode(compact.as_bytes()).ok()?;
    let (said, hidden) = bytes.split_first_chunk::<DIGEST_BYTES>()?;
    let text = hide(seed, said, hidden.to_vec());
    (digest(seed, &text) == *said).then(|| String::from_utf8(text).ok()).flatten()
}

fn digest(seed: u64, text: &[u8]) -> [u8; DIGEST_BYTES] {
    Sha256::new().chain_update(format!("denial {seed} ")).chain_update(text).finalize().into()
}

/// Lays a stream drawn from the seed and the digest over `bytes`; doing it twice undoes it.
fn hide(seed: u64, digest: &[u8; DIGEST_BYTES], mut bytes: Vec<u8>) -> Vec<u8> {
    let key = Sha256::new().chain_update(format!("denial stream {seed} ")).chain_update(digest).finalize();
    let mut stream = vec![0; bytes.len()];
    ChaCha8Rng::from_seed(key.into()).fill_bytes(&mut stream);
    bytes.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::callers::home;

    #[test]
    fn a_message_is_opaque_and_only_its_own_sandbox_reads_it() {
        let resource = resource_of("RunInstances", "sandbox-1", &home());
        let (access_key, caller) = ("AKIDSANDBOX", &Caller::user(home()));
        let denial = Denial { action: "RunInstances", region: "sandbox-1", resource: &resource, access_key, caller };
        let encoded = denial.encode(7);
        assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{encoded}");
        let decoded = decode(&encoded, 7).unwrap();
        assert!(decoded.contains("ec2:RunInstances") && decoded.contains(&resource), "{decoded}");
        assert_eq!(decode(&format!("{}\n{}", &encoded[..60], &encoded[60..]), 7).unwrap(), decoded);
        assert_eq!(decode(&encoded, 8), None);
        let other = if encoded.ends_with('A') { "B" } else { "A" };
        for broken in ["", "x", &encoded[1..], &format!("{}{other}", &encoded[..encoded.len() - 1])] {
            assert_eq!(decode(broken, 7), None, "{broken}");
        }
        assert_eq!(resource_of("DescribeImages", "sandbox-1", &home()), "*");
    }
}
