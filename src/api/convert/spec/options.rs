//! Instance profile, metadata service, processor and what happens after a failed boot, on the way
//! in.

use crate::api::convert::violation::{ViolationReason, Violations, quoted};
use crate::api::pb;
use crate::record::{CpuOptions, IamInstanceProfile, MetadataOptions, OnBootFailure};

/// Characters of an instance profile's name (IAM API Reference, CreateInstanceProfile).
const PROFILE_NAME_CHARS_MAX: usize = 128;

/// Characters of an ARN (IAM API Reference).
const ARN_CHARS_MAX: usize = 2_048;

/// Hops that an answer of the metadata service may travel (EC2 API Reference, RunInstances).
const HOP_LIMIT_MAX: u32 = 64;

pub(super) fn instance_profile(
    given: Option<pb::IamInstanceProfile>,
    violations: &mut Violations,
) -> Option<IamInstanceProfile> {
    use pb::iam_instance_profile::Profile;
    match given?.profile {
        None => {
            violations.missing("spec.iam_instance_profile");
            None
        }
        Some(Profile::Name(name)) => {
            let field = "spec.iam_instance_profile.name";
            let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
            if !good {
                violations.add(
                    field,
                    ViolationReason::InvalidField,
                    format!("{} is not the name of an instance profile", quoted(&name)),
                );
            }
            violations.text(field, &name, PROFILE_NAME_CHARS_MAX);
            Some(IamInstanceProfile::Name(name))
        }
        Some(Profile::Arn(arn)) => {
            let field = "spec.iam_instance_profile.arn";
            if !(arn.starts_with("arn:") && arn.contains(":iam::") && arn.contains(":instance-profile/")) {
                violations.add(
                    field,
                    ViolationReason::InvalidField,
                    format!("{} is not the ARN of an instance profile", quoted(&arn)),
                );
            }
            violations.text(field, &arn, ARN_CHARS_MAX);
            Some(IamInstanceProfile::Arn(arn))
        }
    }
}

pub(super) fn metadata_options(given: Option<pb::MetadataOptions>, violations: &mut Violations) -> MetadataOptions {
    let Some(given) = given else { return MetadataOptions::default() };
    let pb::MetadataOptions { http_tokens, http_put_response_hop_limit, http_endpoint, instance_metadata_tags } = given;
    let mut switch = |name: &str, given: &Option<String>, words: [&str; 2]| {
        let word = given.as_deref()?;
        violations.one_of(&format!("spec.metadata_options.{name}"), word, &words).then(|| word == words[0])
    };
    let tokens_required = switch("http_tokens", &http_tokens, ["required", "optional"]).unwrap_or(true);
    let endpoint_enabled = switch("http_endpoint", &http_endpoint, ["enabled", "disabled"]);
    let instance_tags = switch("instance_metadata_tags", &instance_metadata_tags, ["enabled", "disabled"]);
    if http_put_response_hop_limit.is_some_and(|hops| !(1..=HOP_LIMIT_MAX).contains(&hops)) {
        violations.add(
            "spec.metadata_options.http_put_response_hop_limit",
            ViolationReason::InvalidField,
            format!("must be between 1 and {HOP_LIMIT_MAX}"),
        );
    }
    MetadataOptions { tokens_required, hop_limit: http_put_response_hop_limit, endpoint_enabled, instance_tags }
}

pub(super) fn cpu_options(given: Option<pb::CpuOptions>, violations: &mut Violations) -> CpuOptions {
    let pb::CpuOptions { core_count, threads_per_core, amd_sev_snp, nested_virtualization } = given.unwrap_or_default();
    if core_count == Some(0) {
        violations.add("spec.cpu_options.core_count", ViolationReason::InvalidField, "must be at least 1");
    }
    if threads_per_core.is_some_and(|threads| !matches!(threads, 1 | 2)) {
        violations.add("spec.cpu_options.threads_per_core", ViolationReason::InvalidField, "must be 1 or 2");
    }
    CpuOptions { core_count, threads_per_core, amd_sev_snp, nested_virtualization }
}

pub(super) fn on_boot_failure(number: i32, violations: &mut Violations) -> OnBootFailure {
    match violations.enumeration("spec.on_boot_failure", number) {
        None | Some(pb::OnBootFailure::Unspecified | pb::OnBootFailure::Keep) => OnBootFailure::Keep,
        Some(pb::OnBootFailure::Terminate) => OnBootFailure::Terminate,
    }
}
