//! The launch template of a specification, both ways, and of a decision.

use std::collections::BTreeSet;

use super::place::prefixed_id;
use crate::api::convert::violation::{ViolationReason, Violations, quoted};
use crate::api::pb;
use crate::record::{GivenField, TemplateChoice, TemplateReference, TemplateSource};

/// Characters of a template's name (EC2 API Reference, CreateLaunchTemplate).
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=128;

/// What stands for the version when none is given.
const VERSION_DEFAULT: &str = "$Default";

/// The template, with the fields of the specification that the caller gave although they have defaults.
pub(super) fn launch_template(
    given: Option<pb::LaunchTemplate>,
    given_fields: BTreeSet<GivenField>,
    violations: &mut Violations,
) -> Option<TemplateChoice> {
    use pb::launch_template::Template;
    let pb::LaunchTemplate { template, version } = given?;
    let template = match template {
        None => {
            violations.missing("spec.launch_template");
            return None;
        }
        Some(Template::LaunchTemplateId(id)) => {
            prefixed_id("spec.launch_template.launch_template_id", "lt-", Some(&id), violations);
            TemplateReference::Id(id)
        }
        Some(Template::LaunchTemplateName(name)) => {
            check_name(&name, violations);
            TemplateReference::Name(name)
        }
    };
    Some(TemplateChoice { template, version: read_version(&version, violations), given: given_fields })
}

fn check_name(name: &str, violations: &mut Violations) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"()./_-".contains(&byte);
    if !(NAME_CHARS.contains(&name.len()) && name.bytes().all(allowed)) {
        violations.add(
            "spec.launch_template.launch_template_name",
            ViolationReason::InvalidField,
            format!(
                "{} is not the name of a launch template: expected 3 to 128 letters, digits and ( ) . / _ -",
                quoted(name)
            ),
        );
    }
}

/// The version in the one way in which it is written.
fn read_version(version: &str, violations: &mut Violations) -> String {
    match version {
        "" => VERSION_DEFAULT.to_owned(),
        "$Default" | "$Latest" => version.to_owned(),
        number => match number.parse::<u64>() {
            Ok(number @ 1..) if i64::try_from(number).is_ok() => number.to_string(),
            _ => {
                violations.add(
                    "spec.launch_template.version",
                    ViolationReason::InvalidField,
                    format!("{} is not a version: expected a number, $Latest or $Default", quoted(number)),
                );
                VERSION_DEFAULT.to_owned()
            }
        },
    }
}

impl From<&TemplateChoice> for pb::LaunchTemplate {
    fn from(choice: &TemplateChoice) -> Self {
        use pb::launch_template::Template;
        // What was given can be told from the fields themselves: all of them are there on the way out.
        let TemplateChoice { template, version, given: _ } = choice;
        let template = match template {
            TemplateReference::Id(id) => Template::LaunchTemplateId(id.clone()),
            TemplateReference::Name(name) => Template::LaunchTemplateName(name.clone()),
        };
        Self { template: Some(template), version: version.clone() }
    }
}

impl From<&TemplateSource> for pb::PinnedLaunchTemplate {
    fn from(source: &TemplateSource) -> Self {
        let TemplateSource {
            asked,
            launch_template_id,
            launch_template_name,
            version_number,
            // Bookkeeping of what is kept for an attempt.
            merged_sha256: _,
        } = source;
        let asked = asked.launch_template.as_ref();
        Self {
            launch_template_id: launch_template_id.clone().unwrap_or_default(),
            launch_template_name: launch_template_name.clone().unwrap_or_default(),
            version_asked: asked.map(|choice| choice.version.clone()).unwrap_or_default(),
            version_number: version_number.and_then(|number| i64::try_from(number).ok()).unwrap_or_default(),
        }
    }
}
