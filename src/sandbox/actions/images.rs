//! DescribeImages.

mod answer;

use std::borrow::Cow;

use super::Call;
use crate::sandbox::ACCOUNT_ID;
use crate::sandbox::cloud::{State, Tags};
use crate::sandbox::images::facts::{self, Image, Share};
use crate::sandbox::images::filters;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject};
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::xml::Xml;

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
    let filters = Filters::read(params, true, filters::fact)?;
    let ids = params.texts("ImageId");
    let owners = params.texts("Owner").into_iter().map(Owner::read).collect::<Result<Vec<_>, _>>()?;
    let executable = params.texts("ExecutableBy").into_iter().map(Executor::read).collect::<Result<Vec<_>, _>>()?;
    let deprecated_too = params.boolean("IncludeDeprecated")?.unwrap_or(false);
    let disabled_too = params.boolean("IncludeDisabled")?.unwrap_or(false);
    if !ids.is_empty() && params.text("MaxResults").is_some() {
        let message = "The parameter imageIdSet cannot be used with the parameter maxResults";
        return Err(Ec2Error::combination(message));
    }
    let page = Page::read(call.query, call.region(), PAGE)?;
    let catalog = &call.cloud.catalog;
    if ids.len() > IDS_MAX {
        return Err(Ec2Error::new("InvalidParameterValue", format!("A request may name at most {IDS_MAX} images")));
    }
    let named = named(call, &ids)?;
    call.permit()?;

    let state = call.cloud.state();
    let passes = |image: &&Image| {
        let own = image.is_owned_by(ACCOUNT_ID);
        let found_by_id = named.is_some();
        image.is_visible()
            && (disabled_too || image.state != Some(facts::State::Disabled))
            // Owners see their deprecated images, and whoever names one finds it.
            && (deprecated_too || own || found_by_id || !image.is_deprecated(call.now))
            && (owners.is_empty() || owners.iter().any(|owner| owner.owns(image)))
            && (executable.is_empty() || executable.iter().any(|user| user.may_launch(image)))
            && filters.pass(|subject, values| match subject {
                Subject::Fact(fact) => fact(image, values),
                Subject::Tag(key) => {
                    values.extend(tags(&state, image).and_then(|t| t.get(key)).map(|v| Cow::Borrowed(v.as_str())));
                }
                Subject::TagKeys => {
                    values.extend(tags(&state, image).into_iter().flatten().map(|(k, _)| Cow::Borrowed(k.as_str())));
                }
            })
    };
    let position = |image: &&Image| image.id.to_string();
    let (images, token) = match &named {
        Some(named) => (named.iter().copied().filter(passes).collect(), None),
        None => {
            let first = page.after.as_deref().and_then(|id| catalog.position(id)).map_or(0, |at| at + 1);
            page.cut(catalog.all()[first..].iter().filter(passes), position)
        }
    };
    xml.list("imagesSet", images, |xml, image| answer::write(xml, image, tags(&state, image)));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// The images named by id, or `None` if none are. One that is malformed, unknown or not ours to
/// see fails the whole call.
fn named<'a>(call: &Call<'a>, ids: &[&str]) -> Result<Option<Vec<&'a Image>>, Ec2Error> {
    if ids.is_empty() {
        return Ok(None);
    }
    if let Some(malformed) = ids.iter().find(|id| !is_image_id(id)) {
        return Err(Ec2Error::new(
            "InvalidAMIID.Malformed",
            format!("Invalid id: \"{malformed}\" (expecting \"ami-...\")"),
        ));
    }
    let mut images: Vec<&Image> = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    for id in ids {
        match call.cloud.catalog.get(id).filter(|image| image.is_visible()) {
            Some(image) if images.iter().any(|known| known.id == image.id) => {}
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

/// `InvalidAMIID.NotFound` for one image.
pub(super) fn not_found(id: &str) -> Ec2Error {
    Ec2Error::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
}

/// Images, kernels and ramdisks: a prefix and 8 or 17 hexadecimal digits.
fn is_image_id(id: &str) -> bool {
    ["ami-", "aki-", "ari-"].into_iter().any(|prefix| is_resource_id(id, prefix))
}

/// Whether `id` is `prefix` and 8 or 17 lower-case hexadecimal digits.
pub(super) fn is_resource_id(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// The caller's tags on an image: those it set, or those the image came with.
pub(super) fn tags<'a>(state: &'a State, image: &'a Image) -> Option<&'a Tags> {
    state.tags(&image.id).or_else(|| image.extras.as_ref().map(|extras| &extras.tags))
}

/// One value of `Owner`.
#[derive(Debug)]
enum Owner<'a> {
    Account(&'a str),
    Alias(&'a str),
}

impl<'a> Owner<'a> {
    fn read(text: &'a str) -> Result<Self, Ec2Error> {
        match text {
            "self" => Ok(Self::Account(ACCOUNT_ID)),
            "amazon" | "aws-marketplace" | "aws-backup-vault" => Ok(Self::Alias(text)),
            account if is_account_id(account) => Ok(Self::Account(account)),
            other => Err(Ec2Error::new("InvalidUserID.Malformed", format!("Invalid user id: \"{other}\""))),
        }
    }

    fn owns(&self, image: &Image) -> bool {
        match self {
            Self::Account(account) => image.is_owned_by(account),
            Self::Alias(alias) => image.alias.is_some_and(|own| own.as_str() == *alias),
        }
    }
}

/// One value of `ExecutableBy`.
#[derive(Debug, Clone, Copy)]
enum Executor {
    Everybody,
    This,
    /// Another account: only images shared with it directly, which here is none.
    Other,
}

impl Executor {
    fn read(text: &str) -> Result<Self, Ec2Error> {
        match text {
            "all" => Ok(Self::Everybody),
            "self" | ACCOUNT_ID => Ok(Self::This),
            account if is_account_id(account) => Ok(Self::Other),
            other => Err(Ec2Error::new("InvalidUserID.Malformed", format!("Invalid user id: \"{other}\""))),
        }
    }

    fn may_launch(self, image: &Image) -> bool {
        match self {
            Self::Everybody => image.public,
            Self::This => image.share != Share::Nobody,
            Self::Other => false,
        }
    }
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}
