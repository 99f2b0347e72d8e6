//! CreateTags, DeleteTags and DescribeTags, and the rules for tags everywhere.

use super::Call;
use super::images;
use crate::sandbox::cloud::{Line, State, Tags};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, text};
use crate::sandbox::wire::page::PageSize;
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
const KINDS: [(&str, &str, &str); 10] = [
    ("i-", "instance", "InvalidInstanceID.NotFound"),
    ("ami-", "image", "InvalidAMIID.NotFound"),
    ("vol-", "volume", "InvalidVolume.NotFound"),
    ("eni-", "network-interface", "InvalidNetworkInterfaceID.NotFound"),
    ("subnet-", "subnet", "InvalidSubnetID.NotFound"),
    ("vpc-", "vpc", "InvalidVpcID.NotFound"),
    ("sg-", "security-group", "InvalidGroup.NotFound"),
    ("lt-", "launch-template", "InvalidLaunchTemplateId.NotFound"),
    ("key-", "key-pair", "InvalidKeyPair.NotFound"),
    ("sir-", "spot-instances-request", "InvalidSpotInstanceRequestID.NotFound"),
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
        if is_reserved(key) {
            return Err(reserved(key));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            let message = format!("Duplicate tag key '{key}' specified.");
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

/// Whether only AWS sets and deletes tags of this key.
fn is_reserved(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("aws:")
}

fn reserved(key: &str) -> Ec2Error {
    let message = format!(
        "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
    );
    Ec2Error::new("InvalidParameterValue", message)
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
    let added = read(call.params())?;
    if added.is_empty() {
        return Err(Ec2Error::missing("TagSet"));
    }
    change(call, xml, |tags| {
        tags.extend(added.clone());
        check_count(tags)
    })
}

/// DeleteTags: takes tags away by key, or by key and value; all of them if none is named, but for
/// those that AWS made. Deleting what is not there is no error.
pub(super) fn delete(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ResourceId", "Tag"])?;
    let mut named: Vec<(&str, Option<&str>)> = Vec::new();
    for tag in call.params().list("Tag") {
        let key = tag.required("Key")?;
        // An empty value names an empty value, no value names any.
        named.push((key, tag.member("Value").map(|value| value.own_text().unwrap_or_default())));
    }
    let is_named = |key: &str, value: &str| {
        named.iter().any(|(named, wanted)| *named == key && wanted.is_none_or(|wanted| wanted == value))
    };
    if let Some((key, _)) = named.iter().find(|(key, _)| is_reserved(key)) {
        return Err(reserved(key));
    }
    change(call, xml, |tags| {
        tags.retain(|key, value| is_reserved(key) || !(named.is_empty() || is_named(key, value)));
        Ok(())
    })
}

/// Changes the tags of every resource that the request names, or of none.
fn change(call: &Call<'_>, xml: &mut Xml, change: impl Fn(&mut Tags) -> Result<(), Ec2Error>) -> Result<(), Ec2Error> {
    let resources = call.params().texts("ResourceId");
    if resources.is_empty() {
        return Err(Ec2Error::missing("ResourceIdSet"));
    }
    if resources.len() > RESOURCES_MAX {
        let message = format!("A request may name at most {RESOURCES_MAX} resources");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let mut state = call.cloud.state();
    let mut changes = Vec::with_capacity(resources.len());
    for resource in resources {
        let mut tags = existing(call, &state, resource)?;
        change(&mut tags)?;
        changes.push((resource.to_owned(), tags));
    }
    call.permit()?;
    for (resource, tags) in changes {
        let region = call.place();
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
            if let Some(image) = images::find(call, state, resource) {
                return Ok(images::tags(state, &image).cloned().unwrap_or_default());
            }
            false
        }
        "vol-" => state.has_volume(resource, call.now),
        "eni-" | "sir-" => state.instance_of_resource(resource, call.now).is_some(),
        "lt-" => state.template(resource).is_some(),
        "key-" => state.key_pairs().values().any(|pair| pair.id == resource),
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
pub(crate) struct Tagged<'a> {
    resource: &'a str,
    kind: &'static str,
    key: &'a str,
    value: &'a str,
}

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(Tagged<'a>, &mut Values<'a>);

/// The filters of DescribeTags. Those on tags are looked for in the one tag.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("key", |tag, v| text(v, tag.key)),
    ("resource-id", |tag, v| text(v, tag.resource)),
    ("resource-type", |tag, v| text(v, tag.kind)),
    ("value", |tag, v| text(v, tag.value)),
];

/// DescribeTags.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["Filter", "MaxResults", "NextToken"])?;
    let filters = Filters::read_with_tags(call.params(), FILTERS)?;
    let page = call.page(PAGE)?;
    call.permit()?;
    let mut state = call.cloud.state();
    // With what is forgotten go the tags of its volumes and interfaces.
    state.forget_gone(call.now);
    let after = page.after.as_deref().and_then(|after| after.split_once('\n')).unwrap_or_default();
    let mut tags: Vec<Tagged<'_>> = all(call, &state)
        .filter(|tag| (tag.resource, tag.key) > after)
        .filter(|tag| {
            let Tagged { key, value, .. } = *tag;
            filters.pass_with_tags(|| [(key, value)], |fact, values| fact(*tag, values))
        })
        .collect();
    tags.sort_by_key(|tag| (tag.resource, tag.key));
    let (tags, token) = page.cut(tags.into_iter(), |tag| format!("{}\n{}", tag.resource, tag.key));
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
