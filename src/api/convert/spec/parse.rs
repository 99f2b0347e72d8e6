//! A launch specification on its way in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{network, options, place, template, volumes};
use crate::api::convert::selector::{image_receipt, image_selector};
use crate::api::convert::time::{duration, timestamp};
use crate::api::convert::violation::{ViolationReason, Violations};
use crate::api::pb;
use crate::ids::{AccountId, ImageId, InstanceType, Region, Sha256Digest};
use crate::record::{GivenField, ImageChoice, Spec};

/// Instance types of one launch: the decision holds the facts of each, and a record 60 KiB.
const INSTANCE_TYPES_MAX: usize = 20;

/// Instances of one launch. AWS advises batches of 100 where more are wanted (EC2 API Reference,
/// RunInstances), and the record of what an attempt launched names every one of them.
const INSTANCES_MAX: u32 = 100;

/// Bytes of user data, before base64 (EC2 User Guide, "Run commands at launch").
const USER_DATA_BYTES_MAX: usize = 16_384;

/// Characters of a key pair's name (EC2 API Reference, CreateKeyPair).
const KEY_NAME_CHARS_MAX: usize = 255;

/// Tags of one resource (EC2 User Guide, "Tag restrictions").
const RESOURCE_TAGS_MAX: usize = 50;

/// The tags that Gantry itself puts on an instance: its log, its attempt and its launch.
const OWN_INSTANCE_TAGS: usize = 3;

/// Characters of a tag's key.
const TAG_KEY_CHARS_MAX: usize = 128;

/// Characters of a tag's value.
const TAG_VALUE_CHARS_MAX: usize = 256;

/// How long an instance may take to become ready when the request does not say: well above what
/// EC2's documentation gives for the slowest, macOS with up to twenty minutes.
const READY_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30 * 60);

const READY_TIMEOUT_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3600));

/// A specification, and the one thing that it does not hold.
#[derive(Clone, PartialEq)]
pub struct ParsedSpec {
    /// The specification.
    pub spec: Spec,
    /// The user data, whose digest is in the specification.
    pub user_data: Option<Vec<u8>>,
}

impl std::fmt::Debug for ParsedSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParsedSpec")
            .field("spec", &self.spec)
            .field("user_data", &format_args!("{} bytes", self.user_data.as_ref().map_or(0, Vec::len)))
            .finish()
    }
}

/// Reads the specification in the field `spec` of a request. What is wrong goes to `violations`;
/// the result is then of no use, and `None` if not even a specification can be made. An account or
/// Region that is `None` must have been complained about by the caller.
pub fn parse_spec(
    spec: Option<pb::LaunchSpec>,
    account_id: Option<AccountId>,
    region: Option<Region>,
    violations: &mut Violations,
) -> Option<ParsedSpec> {
    let Some(spec) = spec else {
        violations.missing("spec");
        return None;
    };
    let pb::LaunchSpec {
        image,
        instance_types,
        placements,
        strategy,
        min_count,
        max_count,
        market,
        key_name,
        security_group_ids,
        network_interfaces,
        iam_instance_profile,
        user_data,
        // Output only, and so ignored (AIP-203).
        user_data_sha256: _,
        block_device_mappings,
        metadata_options,
        hibernation,
        enclave,
        cpu_credits,
        cpu_options,
        launch_template,
        tags,
        volume_tags,
        ready_timeout,
        on_boot_failure,
        expire_time,
    } = spec;
    let user_data = Some(user_data).filter(|bytes| !bytes.is_empty());
    let given = [
        (GivenField::Market, market.as_ref().is_some_and(|market| market.market.is_some())),
        (GivenField::HttpTokens, metadata_options.as_ref().is_some_and(|options| options.http_tokens.is_some())),
        (GivenField::Hibernation, hibernation.is_some()),
        (GivenField::Enclave, enclave.is_some()),
    ];
    let given: BTreeSet<_> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field).collect();
    // What a template can fill in is missed after it has been merged.
    let has_template = launch_template.is_some();
    let image = image_choice(image, has_template, violations);
    let instance_types = parse_types(&instance_types, has_template, violations);
    let placements = place::placements(&placements, violations);
    let strategy = place::strategy(strategy, violations);
    let (min_count, max_count) = counts(min_count, max_count, violations);
    let market = place::market(market, (!has_template).then_some(&placements), violations);
    violations.text("spec.key_name", &key_name, KEY_NAME_CHARS_MAX);
    let security_group_ids = network::security_groups("spec.security_group_ids", &security_group_ids, violations);
    let network_interfaces = network::interfaces(&network_interfaces, max_count, violations);
    network::exclusions(&security_group_ids, &network_interfaces, &placements, violations);
    let iam_instance_profile = options::instance_profile(iam_instance_profile, violations);
    if let Some(bytes) = user_data.as_ref().map(Vec::len).filter(|bytes| *bytes > USER_DATA_BYTES_MAX) {
        violations.add(
            "spec.user_data",
            ViolationReason::LimitExceeded,
            format!("{bytes} bytes; at most {USER_DATA_BYTES_MAX} are accepted"),
        );
    }
    let block_device_mappings = volumes::block_devices(&block_device_mappings, violations);
    let metadata_options = options::metadata_options(metadata_options, violations);
    let (hibernation, enclave) = (hibernation.unwrap_or(false), enclave.unwrap_or(false));
    if hibernation && enclave {
        violations.add(
            "spec.enclave",
            ViolationReason::ConflictingFields,
            "an instance that can hibernate cannot run enclaves",
        );
    }
    if let Some(credits) = &cpu_credits {
        violations.one_of("spec.cpu_credits", credits, &["standard", "unlimited"]);
    }
    let cpu_options = options::cpu_options(cpu_options, violations);
    let launch_template = template::launch_template(launch_template, given, violations);
    check_tags("spec.tags", &tags, RESOURCE_TAGS_MAX - OWN_INSTANCE_TAGS, violations);
    check_tags("spec.volume_tags", &volume_tags, RESOURCE_TAGS_MAX, violations);
    let ready_timeout = duration("spec.ready_timeout", ready_timeout.as_ref(), READY_TIMEOUT_BOUNDS, violations)
        .unwrap_or(READY_TIMEOUT_DEFAULT);
    let on_boot_failure = options::on_boot_failure(on_boot_failure, violations);
    let expire_time = timestamp("spec.expire_time", expire_time.as_ref(), violations);
    let spec = Spec {
        account_id: account_id?,
        region: region?,
        image: image?,
        instance_types,
        placements,
        strategy,
        min_count,
        max_count,
        market,
        key_name: Some(key_name).filter(|name| !name.is_empty()),
        security_group_ids,
        network_interfaces,
        iam_instance_profile,
        user_data_sha256: user_data.as_deref().map(Sha256Digest::of),
        block_device_mappings,
        metadata_options,
        hibernation,
        enclave,
        cpu_credits,
        cpu_options,
        launch_template,
        tags,
        volume_tags,
        ready_timeout,
        on_boot_failure,
        expire_time,
    };
    Some(ParsedSpec { spec, user_data })
}

fn image_choice(
    image: Option<pb::ImageReference>,
    has_template: bool,
    violations: &mut Violations,
) -> Option<ImageChoice> {
    use pb::image_reference::Reference;
    match image.and_then(|image| image.reference) {
        None if has_template => Some(ImageChoice::LaunchTemplate),
        None => {
            violations.missing("spec.image");
            None
        }
        Some(Reference::ImageId(id)) => {
            violations.required_id::<ImageId>("spec.image.image_id", &id).map(ImageChoice::ImageId)
        }
        Some(Reference::Selector(selector)) => image_selector("spec.image.selector", Some(selector), violations)
            .map(|selector| ImageChoice::Selector(Box::new(selector))),
        Some(Reference::Receipt(receipt)) => {
            image_receipt("spec.image.receipt", &receipt, violations).map(ImageChoice::Receipt)
        }
    }
}

fn parse_types(types: &[String], has_template: bool, violations: &mut Violations) -> Vec<InstanceType> {
    if types.is_empty() && !has_template {
        violations.missing("spec.instance_types");
    }
    violations.ids("spec.instance_types", types, INSTANCE_TYPES_MAX)
}

/// The two counts, with what 0 stands for filled in.
fn counts(min_count: i32, max_count: i32, violations: &mut Violations) -> (u32, u32) {
    let min = count("spec.min_count", min_count, 1, violations);
    let max = count("spec.max_count", max_count, min, violations);
    if max < min {
        violations.add(
            "spec.max_count",
            ViolationReason::ConflictingFields,
            format!("{max} is less than min_count, which is {min}"),
        );
    }
    (min, max)
}

fn count(field: &str, given: i32, default: u32, violations: &mut Violations) -> u32 {
    match u32::try_from(given) {
        Ok(0) => default,
        Ok(count) => {
            if count > INSTANCES_MAX {
                violations.add(
                    field,
                    ViolationReason::LimitExceeded,
                    format!("{count} instances; at most {INSTANCES_MAX} are accepted"),
                );
            }
            count
        }
        Err(_) => {
            violations.add(field, ViolationReason::InvalidField, format!("{given} is negative"));
            default
        }
    }
}

fn check_tags(field: &str, tags: &BTreeMap<String, String>, max: usize, violations: &mut Violations) {
    violations.at_most(field, tags.len(), max);
    for (key, value) in tags.iter().take(max) {
        let shown = crate::api::convert::violation::quoted(key);
        let field = format!("{field}[{shown}]");
        if key.is_empty() {
            violations.add(&field, ViolationReason::InvalidTag, "a tag needs a key");
        }
        violations.text(&field, key, TAG_KEY_CHARS_MAX);
        violations.text(&field, value, TAG_VALUE_CHARS_MAX);
        // AWS reserves its prefix in any case of its letters; Gantry does the same with its own.
        let prefix = key.split_once(':').map(|(prefix, _)| prefix.to_ascii_lowercase());
        if let Some(prefix @ ("aws" | "gantry")) = prefix.as_deref() {
            violations.add(&field, ViolationReason::InvalidTag, format!("the prefix {prefix}: is reserved"));
        }
    }
}
