//! DescribeImages.

mod answer;
mod scope;
#[cfg(test)]
pub(super) mod tests;

use std::collections::HashSet;

use super::Call;
use crate::sandbox::cloud::{State, Tags};
use crate::sandbox::images::allowed::Judge;
use crate::sandbox::images::changes::Current;
use crate::sandbox::images::facts::{self, Image};
use crate::sandbox::images::filters::FILTERS;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::Filters;
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::resource_id::is_resource_id;
use crate::sandbox::wire::xml::Xml;
pub(super) use answer::write_product_codes;
use scope::Scope;

/// The model gives no bounds; 1,000 a page is what AWS's own examples use.
const PAGE: PageSize = PageSize { min: 1, max: 1000, code: "InvalidParameterValue", default: None };
/// Ids in one request; AWS advises at most this many.
const IDS_MAX: usize = 1000;

/// DescribeImages.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[
        "ExecutableBy",
        "ImageId",
        "Owner",
        "IncludeDeprecated",
        "IncludeDisabled",
        "MaxResults",
        "NextToken",
        "Filter",
    ])?;
    let params = call.params();
    let filters = Filters::read_with_tags(params, FILTERS)?;
    let ids = params.texts("ImageId");
    let scope = Scope::read(params, call.account_id())?;
    let deprecated_too = params.boolean("IncludeDeprecated")?.unwrap_or(false);
    let disabled_too = params.boolean("IncludeDisabled")?.unwrap_or(false);
    let page = call.page_without_ids(PAGE, &ids, "imageIdSet")?;
    let catalog = &call.cloud.catalog;
    let state = call.cloud.state();
    let judge = state.allowed_images().judge(call.account_id(), call.now);
    let named = named(call, &state, &judge, &ids)?;
    call.permit()?;

    let found_by_id = named.is_some();
    let passes = |image: &Current<'_>| {
        let image: &Image = image;
        image.is_visible(call.account_id())
            && !judge.hides(image)
            && (disabled_too || image.state != Some(facts::State::Disabled))
            // Owners see their deprecated images, and whoever names one finds it.
            && (deprecated_too || found_by_id || image.is_owned_by(call.account_id().as_str()) || !image.is_deprecated(call.now))
            && scope.holds(image)
            && filters.pass_with_tags(|| tags(&state, image).into_iter().flatten(), |fact, values| fact(image, &judge, values))
    };
    let position = |image: &Current<'_>| image.id.to_string();
    let (images, token) = match named {
        Some(named) => (named.into_iter().filter(passes).collect(), None),
        None => {
            let first = page.after.as_deref().and_then(|id| catalog.position(id)).map_or(0, |at| at + 1);
            let images = catalog.all()[first..].iter().map(|image| state.image(image));
            page.cut(images.filter(passes), position)
        }
    };
    xml.list("imagesSet", images, |xml, image| {
        answer::write(xml, &image, call.account_id(), tags(&state, &image), judge.allows(&image));
    });
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// The images named by id, each once, or `None` if none are. One that is malformed, unknown or not
/// ours to see fails the whole call.
fn named<'a>(
    call: &Call<'a>,
    state: &State,
    judge: &Judge<'_>,
    ids: &[&str],
) -> Result<Option<Vec<Current<'a>>>, Ec2Error> {
    if ids.is_empty() {
        return Ok(None);
    }
    if ids.len() > IDS_MAX {
        return Err(Ec2Error::new("InvalidParameterValue", format!("A request may name at most {IDS_MAX} images")));
    }
    if let Some(id) = ids.iter().find(|id| !is_image_id(id)) {
        return Err(malformed(id));
    }
    let mut images = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    let mut known = HashSet::new();
    for id in ids.iter().filter(|id| known.insert(**id)) {
        match find_by(call, state, judge, id) {
            Some(image) => images.push(image),
            None => missing.push(*id),
        }
    }
    match missing.as_slice() {
        [] => Ok(Some(images)),
        [one] => Err(not_found(one)),
        many => {
            let message = format!("The image ids '[{}]' do not exist", many.join(", "));
            Err(Ec2Error::new("InvalidAMIID.NotFound", message))
        }
    }
}

/// The image of this id as it is now, if the account can find it: it exists, may be seen, and is
/// not hidden by Allowed AMIs.
pub(super) fn find<'a>(call: &Call<'a>, state: &State, id: &str) -> Option<Current<'a>> {
    find_by(call, state, &state.allowed_images().judge(call.account_id(), call.now), id)
}

fn find_by<'a>(call: &Call<'a>, state: &State, judge: &Judge<'_>, id: &str) -> Option<Current<'a>> {
    let image = state.image(call.cloud.catalog.get(id)?);
    (image.is_visible(call.account_id()) && !judge.hides(&image)).then_some(image)
}

/// `InvalidAMIID.NotFound` for one image.
pub(super) fn not_found(id: &str) -> Ec2Error {
    Ec2Error::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
}

/// `InvalidAMIID.Malformed`.
pub(super) fn malformed(id: &str) -> Ec2Error {
    let shown: String = id.chars().take(100).collect();
    Ec2Error::new("InvalidAMIID.Malformed", format!("Invalid id: \"{shown}\" (expecting \"ami-...\")"))
}

/// Images, kernels and ramdisks: a prefix and 8 or 17 hexadecimal digits.
pub(super) fn is_image_id(id: &str) -> bool {
    ["ami-", "aki-", "ari-"].into_iter().any(|prefix| is_resource_id(id, prefix))
}

/// The caller's tags on an image: those it set, or those the image came with.
pub(super) fn tags<'a>(state: &'a State, image: &'a Image) -> Option<&'a Tags> {
    state.tags(&image.id).or_else(|| image.extras.as_ref().map(|extras| &extras.tags))
}
