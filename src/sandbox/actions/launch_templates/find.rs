//! How requests name launch templates and their versions, and what EC2 says when they name none.

use crate::sandbox::cloud::{LaunchTemplate, State, TemplateVersion};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::resource_id::is_resource_id;

/// Characters of a template's name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=128;

/// Checks an id's form.
pub(super) fn check_id(id: &str) -> Result<(), Ec2Error> {
    if is_resource_id(id, "lt-") {
        return Ok(());
    }
    let message = format!("Invalid id: \"{id}\" (expecting \"lt-...\")");
    Err(Ec2Error::new("InvalidLaunchTemplateId.Malformed", message))
}

/// Checks a name's form.
pub(super) fn check_name(name: &str) -> Result<(), Ec2Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-()./_".contains(&b);
    if NAME_CHARS.contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Ec2Error::new(
        "InvalidLaunchTemplateName.MalformedException",
        "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the \
         following characters: - ( ) . / _.",
    ))
}

/// The template that `node` names, by id or by name. With neither there is none.
pub(super) fn named<'a>(node: &Node, state: &'a State) -> Result<Option<&'a LaunchTemplate>, Ec2Error> {
    let given = |name: &str| node.text(name);
    match (given("LaunchTemplateId"), given("LaunchTemplateName")) {
        (Some(_), Some(_)) => Err(Ec2Error::combination(
            "Either a launch template ID or a launch template name should be specified, but not both.",
        )),
        (Some(id), None) => {
            check_id(id)?;
            let found = state.template(id);
            found.map(Some).ok_or_else(|| no_such_id(id))
        }
        (None, Some(name)) => {
            check_name(name)?;
            let found = state.template_named(name);
            found.map(Some).ok_or_else(|| no_such_name(name))
        }
        (None, None) => Ok(None),
    }
}

/// The template that `node` must name.
pub(super) fn required<'a>(node: &Node, state: &'a State) -> Result<&'a LaunchTemplate, Ec2Error> {
    named(node, state)?.ok_or_else(|| {
        Ec2Error::new("MissingParameter", "Either a launch template ID or a launch template name must be specified.")
    })
}

/// `InvalidLaunchTemplateId.NotFound`.
pub(super) fn no_such_id(id: &str) -> Ec2Error {
    let message = format!("The specified launch template, with template ID {id}, does not exist.");
    Ec2Error::new("InvalidLaunchTemplateId.NotFound", message)
}

/// `InvalidLaunchTemplateName.NotFoundException`.
pub(super) fn no_such_name(name: &str) -> Ec2Error {
    let message = format!("The specified launch template, with template name {name}, does not exist.");
    Ec2Error::new("InvalidLaunchTemplateName.NotFoundException", message)
}

/// The version that `text` names: a number, `$Latest` or `$Default`.
pub(super) fn version<'a>(template: &'a LaunchTemplate, text: &str) -> Result<&'a TemplateVersion, Ec2Error> {
    let number = match text {
        "$Default" => template.default_version,
        "$Latest" => template.latest_version(),
        number => version_number("version", number)?,
    };
    template.versions.get(&number).ok_or_else(|| {
        let message =
            format!("Could not find the specified version {text} for the launch template with ID {}.", template.id);
        Ec2Error::new("InvalidLaunchTemplateId.VersionNotFound", message)
    })
}

/// A version's number.
pub(super) fn version_number(parameter: &str, text: &str) -> Result<u64, Ec2Error> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        Ec2Error::invalid(parameter, text, "Launch template version must be a positive number, $Latest or $Default.")
    })
}
