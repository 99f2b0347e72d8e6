//! The Allowed AMIs settings: reading them, switching them, and replacing the criteria. What they
//! do to images is in `images::allowed`.

mod criteria;

use super::Call;
use crate::sandbox::cloud::Line;
use crate::sandbox::images::allowed::{AllowedImages, AllowedState, Criterion, ScanCriterion, WatermarkCriterion};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// GetAllowedImagesSettings.
pub(super) fn get(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[])?;
    call.permit()?;
    let state = call.cloud.state();
    let settings = state.allowed_images();
    xml.text("state", settings.state.as_str());
    xml.list("imageCriterionSet", &settings.criteria, write_criterion);
    // There are no declarative policies here.
    xml.text("managedBy", "account");
    Ok(())
}

/// EnableAllowedImagesSettings.
pub(super) fn enable(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["AllowedImagesSettingsState"])?;
    call.params().required("AllowedImagesSettingsState")?;
    let state = match call.params().choice("AllowedImagesSettingsState", &["enabled", "audit-mode"])? {
        Some("enabled") => AllowedState::Enabled,
        _ => AllowedState::AuditMode,
    };
    change(call, |settings| settings.state = state)?;
    xml.text("allowedImagesSettingsState", state.as_str());
    Ok(())
}

/// DisableAllowedImagesSettings: the criteria are kept for the next time.
pub(super) fn disable(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[])?;
    change(call, |settings| settings.state = AllowedState::Disabled)?;
    xml.text("allowedImagesSettingsState", AllowedState::Disabled.as_str());
    Ok(())
}

/// ReplaceImageCriteriaInAllowedImagesSettings: without any criterion, there are none afterwards.
pub(super) fn replace_criteria(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ImageCriterion"])?;
    let criteria = criteria::read(call.params())?;
    change(call, |settings| settings.criteria = criteria)?;
    xml.value("return", true);
    Ok(())
}

fn change(call: &Call<'_>, edit: impl FnOnce(&mut AllowedImages)) -> Result<(), Ec2Error> {
    call.permit()?;
    let mut state = call.cloud.state();
    let mut settings = state.allowed_images().clone();
    edit(&mut settings);
    let region = call.place();
    call.change(&mut state, Line::AllowedImages { region, settings })
}

fn write_criterion(xml: &mut Xml, criterion: &Criterion) {
    for (name, values) in [
        ("imageProviderSet", &criterion.providers),
        ("marketplaceProductCodeSet", &criterion.product_codes),
        ("imageNameSet", &criterion.names),
    ] {
        if !values.is_empty() {
            xml.element(name, |xml| values.iter().for_each(|value| xml.text("item", value)));
        }
    }
    for (name, member, days) in [
        ("deprecationTimeCondition", "maximumDaysSinceDeprecated", criterion.days_since_deprecated),
        ("creationDateCondition", "maximumDaysSinceCreated", criterion.days_since_created),
    ] {
        if let Some(days) = days {
            xml.element(name, |xml| xml.value(member, days));
        }
    }
    if !criterion.watermarks.is_empty() {
        xml.list("imageWatermarkSet", &criterion.watermarks, write_watermark);
    }
    if let Some(scan) = &criterion.scan {
        xml.element("scanResultCondition", |xml| write_scan(xml, scan));
    }
}

fn write_watermark(xml: &mut Xml, watermark: &WatermarkCriterion) {
    xml.optional("watermarkKey", watermark.key.as_deref());
    xml.optional("sourceImageRegion", watermark.source_region.as_deref());
    write_days(xml, "maximumDaysSinceSourceImageCreated", watermark.days_since_source_created);
    write_days(xml, "maximumDaysSinceWatermarkCreated", watermark.days_since_marked);
}

fn write_scan(xml: &mut Xml, scan: &ScanCriterion) {
    write_days(xml, "maxDaysSinceLastFindingScan", scan.days_since_scan);
    xml.optional("maximumSeverityLabel", scan.worst.as_deref());
    for (parameter, days) in criteria::FIXES.iter().zip(scan.days_since_fix) {
        write_days(xml, &parameter.replacen('M', "m", 1), days);
    }
}

fn write_days(xml: &mut Xml, name: &str, days: Option<u32>) {
    if let Some(days) = days {
        xml.value(name, days);
    }
}

#[cfg(test)]
mod tests;
