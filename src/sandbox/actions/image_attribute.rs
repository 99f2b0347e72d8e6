//! What an owner, and nobody else, may read and change about an image: DescribeImageAttribute,
//! ModifyImageAttribute, and switching an image or its deprecation on and off.
//!
//! Changes are laid over the catalogue; see `images::changes`.

mod modify;

use super::Call;
use super::images::{find, is_image_id, malformed, not_found, write_product_codes};
use crate::clock::Timestamp;
use crate::sandbox::cloud::{Line, State};
use crate::sandbox::images::changes::{Current, Deprecation, ImageChange};
use crate::sandbox::images::facts::{self, Image, ProductCodeType};
use crate::sandbox::images::permissions::Permissions;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;
pub(super) use modify::modify;

/// The furthest that a private image's deprecation can be ahead: ten years.
const DEPRECATION_AHEAD_DAYS: i64 = 3652;
/// A public image is deprecated two years after its creation at the latest.
const PUBLIC_LIFE_DAYS: i64 = 730;
const DAY_SECONDS: i64 = 86_400;

/// DescribeImageAttribute: one attribute of an own image.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["Attribute", "ImageId"])?;
    let attribute = call.params().required("Attribute")?;
    let state = call.cloud.state();
    let image = own(call, &state)?;
    let value = Value::of(attribute, &image)?;
    call.permit()?;
    xml.text("imageId", &image.id);
    match value {
        // One without a value is an empty element, as in EC2.
        Value::Text(text) => xml.element(attribute, |xml| xml.optional("value", text.as_deref())),
        Value::Permissions => write_permissions(xml, &image),
        Value::ProductCodes(codes) => write_product_codes(xml, codes),
    }
    Ok(())
}

/// What an attribute holds.
#[derive(Debug)]
enum Value<'a> {
    Text(Option<String>),
    Permissions,
    ProductCodes(&'a [(String, ProductCodeType)]),
}

impl<'a> Value<'a> {
    fn of(attribute: &str, image: &'a Image) -> Result<Self, Ec2Error> {
        let extras = image.extras.as_deref();
        let text = match attribute {
            "description" => image.description.as_deref().map(str::to_owned),
            "kernel" => image.kernel.map(str::to_owned),
            "ramdisk" => image.ramdisk.map(str::to_owned),
            "sriovNetSupport" => image.sriov.then(|| "simple".to_owned()),
            "bootMode" => image.boot_mode.map(|mode| mode.as_str().to_owned()),
            "tpmSupport" => image.tpm.then(|| "v2.0".to_owned()),
            // No image here comes with UEFI variables.
            "uefiData" => None,
            "lastLaunchedTime" => extras.and_then(|extras| extras.last_launched).map(whole_seconds),
            "imdsSupport" => image.imds_v2.then(|| "v2.0".to_owned()),
            "deregistrationProtection" => extras.and_then(|extras| extras.deregistration_protection).map(str::to_owned),
            "launchPermission" => return Ok(Self::Permissions),
            "productCodes" => {
                return Ok(Self::ProductCodes(extras.map_or(&[][..], |extras| &extras.product_codes)));
            }
            // Deprecated, and refused to owners as well.
            "blockDeviceMapping" => {
                return Err(auth_failure("Unauthorized attempt to access restricted resource".to_owned()));
            }
            _ => return Err(unknown_attribute()),
        };
        Ok(Self::Text(text))
    }
}

fn write_permissions(xml: &mut Xml, image: &Image) {
    let none = Permissions::default();
    let Permissions { users, organizations, units } = image.permissions().unwrap_or(&none);
    let entries = image
        .public
        .then_some(("group", "all"))
        .into_iter()
        .chain(users.iter().map(|user| ("userId", user.as_str())))
        .chain(organizations.iter().map(|arn| ("organizationArn", arn.as_str())))
        .chain(units.iter().map(|arn| ("organizationalUnitArn", arn.as_str())));
    xml.list("launchPermission", entries, |xml, (name, value)| xml.text(name, value));
}

/// The form of this one attribute: `2022-02-10T02:03:18Z`.
fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// EC2's answer to an attribute that it does not know.
fn unknown_attribute() -> Ec2Error {
    Ec2Error::new("InvalidRequest", "The request received was invalid.")
}

fn auth_failure(message: String) -> Ec2Error {
    Ec2Error::with_status(403, "AuthFailure", message)
}

/// The own image that `ImageId` names.
fn own<'a>(call: &Call<'a>, state: &State) -> Result<Current<'a>, Ec2Error> {
    let id = call.params().required("ImageId")?;
    if !is_image_id(id) {
        return Err(malformed(id));
    }
    let image = find(call, state, id).ok_or_else(|| not_found(id))?;
    if image.is_owned_by(call.account_id().as_str()) {
        return Ok(image);
    }
    Err(auth_failure(format!("Not authorized for image:{id}")))
}

/// Checks and makes a change of an own image. `edit` checks and fills in what is to be changed.
fn change(
    call: &Call<'_>,
    xml: &mut Xml,
    edit: impl FnOnce(&Image, &mut ImageChange) -> Result<(), Ec2Error>,
) -> Result<(), Ec2Error> {
    let mut state = call.cloud.state();
    let image = own(call, &state)?;
    let before = state.image_change(&image.id);
    let mut changes = before.clone();
    edit(&image, &mut changes)?;
    call.permit()?;
    if changes != before {
        let line = Line::Image { region: call.place(), image: image.id.to_string(), changes };
        call.change(&mut state, line)?;
    }
    xml.value("return", true);
    Ok(())
}

/// Images that are not available, being made or broken, cannot be changed ("or is not in a state
/// from which you can launch an instance or modify attributes").
fn must_be(image: &Image, states: &[facts::State]) -> Result<(), Ec2Error> {
    if image.state.is_some_and(|state| states.contains(&state)) {
        return Ok(());
    }
    let state = image.state.map_or("unknown", facts::State::as_str);
    let message = format!(
        "The image ID '{}' is not in a state from which you can modify its attributes: it is {state}",
        image.id
    );
    Err(Ec2Error::new("InvalidAMIID.Unavailable", message))
}

/// DisableImage: takes all launch permissions away, too. Doing it twice is no error.
pub(super) fn disable(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ImageId"])?;
    change(call, xml, |image, change| {
        must_be(image, &[facts::State::Available, facts::State::Disabled])?;
        change.disabled = Some(true);
        change.public = Some(false);
        change.permissions = Some(Permissions::default());
        Ok(())
    })
}

/// EnableImage: available again, to the owner alone.
pub(super) fn enable(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ImageId"])?;
    change(call, xml, |image, change| {
        must_be(image, &[facts::State::Available, facts::State::Disabled])?;
        if image.state == Some(facts::State::Disabled) {
            change.disabled = Some(false);
        }
        Ok(())
    })
}

/// EnableImageDeprecation.
pub(super) fn enable_deprecation(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ImageId", "DeprecateAt"])?;
    let text = call.params().required("DeprecateAt")?;
    let refuse = |why: &str| Ec2Error::invalid("DeprecateAt", text, why);
    let asked: Timestamp =
        text.parse().map_err(|_| refuse("Expected a date and time in UTC, as in 2027-01-31T18:00:00Z."))?;
    if asked <= call.now {
        return Err(refuse("The date must be in the future."));
    }
    change(call, xml, |image, change| {
        must_be(image, &[facts::State::Available, facts::State::Disabled])?;
        let latest = match public_limit(image).filter(|_| image.public) {
            Some(limit) => limit.as_second(),
            None => call.now.as_second() + DEPRECATION_AHEAD_DAYS * DAY_SECONDS,
        };
        if asked.as_second() > latest {
            return Err(refuse(if image.public {
                "A public AMI is deprecated two years after its creation at the latest."
            } else {
                "The date must be no more than ten years from now."
            }));
        }
        change.deprecation = Some(Deprecation::At(nearest_minute(asked)));
        Ok(())
    })
}

/// DisableImageDeprecation. A public image keeps the date that all public images have.
pub(super) fn disable_deprecation(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ImageId"])?;
    change(call, xml, |image, change| {
        must_be(image, &[facts::State::Available, facts::State::Disabled])?;
        let kept = public_limit(image).filter(|_| image.public);
        change.deprecation = Some(kept.map_or(Deprecation::Never, Deprecation::At));
        Ok(())
    })
}

/// When an image, if it is public, becomes deprecated at the latest.
fn public_limit(image: &Image) -> Option<Timestamp> {
    let second = image.created?.as_second() + PUBLIC_LIFE_DAYS * DAY_SECONDS;
    Timestamp::from_second(second).ok().map(nearest_minute)
}

/// EC2 rounds the seconds of a deprecation date to the nearest minute.
fn nearest_minute(time: Timestamp) -> Timestamp {
    let second = time.as_second() + 30;
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(time)
}

#[cfg(test)]
mod tests;
