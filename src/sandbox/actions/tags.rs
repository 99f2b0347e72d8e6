//! CreateTags and DescribeTags, and the rules for tags everywhere.

use std::borrow::Cow;

use super::Call;
use super::images;
use crate::sandbox::cloud::{Line, State, Tags};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject, Values};
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::xml::Xml;

/// Tags of one resource (EC2 User Guide, "Tag restrictions").
pub(super) const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;
/// Resources in one CreateTags.
const RESOURCES_MAX: usize = 1000;
const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidParameterValue", default: None };

/// Kinds of resources that exist here, by the prefix of their ids.
const KINDS: [(&str, &str, &str); 7] = [
    ("i-", "instance", "InvalidInstanceID.NotFound"),
    ("ami-", "image", "InvalidAMIID.NotFound"),
    ("vol-", "volume", "InvalidVolume.NotFound"),
    ("eni-", "network-interface", "InvalidNetworkInterfaceID.NotFound"),
    ("subnet-", "subnet", "InvalidSubnetID.NotFound"),
    ("vpc-", "vpc", "InvalidVpcID.NotFound"),
    ("sg-", "security-group", "InvalidGroup.NotFound"),
];

/// Reads and checks the `Tag` list below `node`.
pub(super) fn read(node: &Node) -> Result<Tags, Ec2Error> {
    let mut tags = Tags::new();
    for tag in node.list("Tag") {
        let key = tag.required("Key")?;
        let value = tag.text("Value").unwrap_or_default();
        if key.chars().count() > KEY_CHARS_MAX {
            let message = format!("Tag key exceeds the maximum length of {KEY_CHARS_MAX} characters");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        if value.chars().count() > VALUE_CHARS_MAX {
            let message = format!("Tag value exceeds the maximum length of {VALUE_CHARS_MAX} characters");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!(
                "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
            );
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            let message = format!("Duplicate tag key '{key}' specified.");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check_count(tags: &Tags) -> Result<(), Ec2Error> {
    if tags.len() > TAGS_MAX {
        let message = format!("The maximum number of tags for a resource is {TAGS_MAX}.");
        return Err(Ec2Error::new("TagLimitExceeded", message));
    }
    Ok(())
}

/// CreateTags: adds tags to resources, replacing those with the same key.
pub(super) fn create(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ResourceId", "Tag"])?;
    let params = call.params();
    let resources = params.texts("ResourceId");
    if resources.is_empty() {
        return Err(Ec2Error::missing("ResourceIdSet"));
    }
    if resources.len() > RESOURCES_MAX {
        let message = format!("A request may name at most {RESOURCES_MAX} resources");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let added = read(params)?;
    if added.is_empty() {
        return Err(Ec2Error::missing("TagSet"));
    }
    let mut state = call.cloud.state();
    let mut changes = Vec::with_capacity(resources.len());
    for resource in resources {
        let mut tags = existing(call, &state, resource)?;
        tags.extend(added.clone());
        check_count(&tags)?;
        changes.push((resource.to_owned(), tags));
    }
    call.permit()?;
    for (resource, tags) in changes {
        let region = call.region().to_owned();
        call.change(&mut state, Line::Tags { region, resource, tags })?;
    }
    xml.value("return", true);
    Ok(())
}

/// The tags a resource has, or the error that it does not exist.
fn existing(call: &Call<'_>, state: &State, resource: &str) -> Result<Tags, Ec2Error> {
    let Some((prefix, kind, code)) = KINDS.iter().find(|(prefix, ..)| resource.starts_with(prefix)) else {
        return Err(Ec2Error::new("InvalidID", format!("The ID '{resource}' is not valid")));
    };
    let network = &call.cloud.network;
    let found = match *prefix {
        "i-" => state.instance(resource, call.now).is_some(),
        "ami-" => {
            if let Some(image) = call.cloud.catalog.get(resource).filter(|image| image.is_visible()) {
                return Ok(images::tags(state, image).cloned().unwrap_or_default());
            }
            false
        }
        "vol-" => state.has_volume(resource, call.now),
        "eni-" => state.instance(&resource.replacen("eni-", "i-", 1), call.now).is_some(),
        "subnet-" => network.zone_of_subnet(resource).is_some(),
        "vpc-" => network.vpc_id == resource,
        _ => network.security_group_id == resource,
    };
    if found {
        Ok(state.tags(resource).cloned().unwrap_or_default())
    } else {
        Err(Ec2Error::new(*code, format!("The {kind} ID '{resource}' does not exist")))
    }
}

/// One tag as filters see it.
#[derive(Debug, Clone, Copy)]
struct Tagged<'a> {
    resource: &'a str,
    kind: &'static str,
    key: &'a str,
    value: &'a str,
}

type Fact = for<'a> fn(Tagged<'a>, &mut Values<'a>);

fn fact(name: &str) -> Option<Fact> {
    Some(match name {
        "key" => |tag, values| values.push(Cow::Borrowed(tag.key)),
        "resource-id" => |tag, values| values.push(Cow::Borrowed(tag.resource)),
        "resource-type" => |tag, values| values.push(Cow::Borrowed(tag.kind)),
        "value" => |tag, values| values.push(Cow::Borrowed(tag.value)),
        _ => return None,
    })
}

/// DescribeTags.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["Filter", "MaxResults", "NextToken"])?;
    let filters = Filters::read(call.params(), true, fact)?;
    let page = Page::read(call.query, call.region(), PAGE)?;
    call.permit()?;
    let state = call.cloud.state();
    let position = |tag: &Tagged<'_>| format!("{}\n{}", tag.resource, tag.key);
    let after = page.after.as_deref().unwrap_or_default();
    let mut tags: Vec<Tagged<'_>> = all(call, &state)
        .filter(|tag| position(tag).as_str() > after)
        .filter(|tag| {
            filters.pass(|subject, values| match subject {
                Subject::Fact(fact) => fact(*tag, values),
                Subject::Tag(key) if key == tag.key => values.push(Cow::Borrowed(tag.value)),
                Subject::Tag(_) => {}
                Subject::TagKeys => values.push(Cow::Borrowed(tag.key)),
            })
        })
        .collect();
    tags.sort_by_key(position);
    let (tags, token) = page.cut(tags.into_iter(), position);
    xml.list("tagSet", tags, |xml, tag| {
        xml.text("resourceId", tag.resource);
        xml.text("resourceType", tag.kind);
        xml.text("key", tag.key);
        xml.text("value", tag.value);
    });
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// Every tag of the account: those set by callers, and those that generated images came with.
fn all<'a>(call: &Call<'a>, state: &'a State) -> impl Iterator<Item = Tagged<'a>> {
    let of_resources = state
        .all_tags()
        .iter()
        .filter(|(resource, _)| !resource.starts_with("i-") || state.instance(resource, call.now).is_some())
        .map(|(resource, tags)| (resource.as_str(), tags));
    let of_images = call
        .cloud
        .catalog
        .all()
        .iter()
        .filter(|image| state.tags(&image.id).is_none())
        .filter_map(|image| image.extras.as_ref().map(|extras| (&*image.id, &extras.tags)));
    of_resources.chain(of_images).flat_map(|(resource, tags)| {
        let kind = KINDS.iter().find(|(prefix, ..)| resource.starts_with(prefix)).map_or("other", |(_, kind, _)| kind);
        tags.iter().map(move |(key, value)| Tagged { resource, kind, key, value })
    })
}
