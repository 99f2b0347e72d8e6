//! Launch parameters as a flat map, from name to value as a request writes them, and how those of a
//! request are laid over those of a template.
//!
//! What is given in the request replaces what the template says (RunInstances API Reference,
//! `LaunchTemplate`): a whole parameter with everything below it. Two lists are merged instead:
//! block device mappings by device name, and tag specifications by resource type.

use std::collections::{BTreeMap, BTreeSet};

use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Query;

/// Names and values.
pub(crate) type Parameters = BTreeMap<String, String>;

/// Lists that are merged, each with the member that tells its items apart.
const MERGED: [(&str, &str); 2] = [("BlockDeviceMapping", "DeviceName"), ("TagSpecification", "ResourceType")];
/// Parameters that say the same in two ways: one given replaces the other.
const SAME: [(&str, &str); 2] = [("SecurityGroup", "SecurityGroupId"), ("SecurityGroupId", "SecurityGroup")];
/// A parameter that templates spell otherwise than RunInstances does.
const MODEL_SPELLING: (&str, &str) = ("RamDiskId", "RamdiskId");

/// What a request holds below `prefix`, without it.
pub(super) fn below(query: &Query, prefix: &str) -> Parameters {
    query
        .parameters()
        .iter()
        .filter_map(|(name, value)| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((rest.to_owned(), value.clone()))
        })
        .collect()
}

/// `over` laid over `base`.
pub(super) fn lay_over(base: &Parameters, over: &Parameters) -> Parameters {
    let given: BTreeSet<&str> = over.keys().map(|name| first(name)).collect();
    let replaced = |name: &str| {
        let name = first(name);
        given.contains(name) || SAME.iter().any(|(one, other)| name == *one && given.contains(other))
    };
    let mut laid: Parameters = base
        .iter()
        .filter(|(name, _)| !replaced(name))
        .chain(over)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (list, key) in MERGED {
        if given.contains(list) {
            let mut merged = items(base, list);
            let over = items(over, list);
            // An item without its key is kept, for RunInstances to refuse.
            merged.retain(|item| over.iter().all(|new| new.get(key).is_none() || new.get(key) != item.get(key)));
            merged.extend(over);
            laid.retain(|name, _| first(name) != list);
            for (number, item) in (1..).zip(merged) {
                laid.extend(item.into_iter().map(|(name, value)| (format!("{list}.{number}.{name}"), value)));
            }
        }
    }
    laid
}

/// The parameters of RunInstances: the template's with the request's laid over them. What is not a
/// launch parameter (action, signature, the template itself) stays the request's.
pub(super) fn launch(template: &Parameters, request: &Query) -> Result<Query, Ec2Error> {
    let mut template = template.clone();
    let (theirs, ours) = MODEL_SPELLING;
    if let Some(value) = template.remove(theirs) {
        template.insert(ours.to_owned(), value);
    }
    // An empty text says nothing, so it replaces nothing; `NoDevice` and values of tags are texts
    // that mean something when they are empty.
    let says = |name: &str, value: &str| !value.is_empty() || name.ends_with(".NoDevice") || name.ends_with(".Value");
    let over = request.parameters().iter().filter(|(name, value)| first(name) != "LaunchTemplate" && says(name, value));
    let over: Parameters = over.map(|(name, value)| (name.clone(), value.clone())).collect();
    Query::of(&lay_over(&template, &over))
}

/// A source version without the snapshots of its block devices, which a new version does not
/// inherit (CreateLaunchTemplateVersion API Reference, `SourceVersion`).
pub(super) fn without_snapshots(mut source: Parameters) -> Parameters {
    source.retain(|name, _| !(first(name) == "BlockDeviceMapping" && name.ends_with(".Ebs.SnapshotId")));
    source
}

/// The name of the parameter that a dotted name belongs to.
fn first(name: &str) -> &str {
    name.split_once('.').map_or(name, |(first, _)| first)
}

/// The items of a list, in order, each as a map of what is below it.
fn items(parameters: &Parameters, list: &str) -> Vec<Parameters> {
    let mut items: BTreeMap<u32, Parameters> = BTreeMap::new();
    for (name, value) in parameters {
        let rest = name.strip_prefix(list).and_then(|rest| rest.strip_prefix('.'));
        if let Some((number, member)) = rest.and_then(|rest| rest.split_once('.'))
            && let Ok(number) = number.parse()
        {
            items.entry(number).or_default().insert(member.to_owned(), value.clone());
        }
    }
    items.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(form: &str) -> Parameters {
        Query::parse(form.as_bytes()).unwrap().parameters().clone()
    }

    #[test]
    fn requests_are_laid_over_templates() {
        for (base, over, expected) in [
            ("ImageId=a&KeyName=k", "ImageId=b", "ImageId=b&KeyName=k"),
            // A whole parameter is replaced, not its members.
            (
                "MetadataOptions.HttpTokens=required",
                "MetadataOptions.HttpEndpoint=enabled",
                "MetadataOptions.HttpEndpoint=enabled",
            ),
            ("SecurityGroupId.1=a&SecurityGroupId.2=b", "SecurityGroupId.1=c", "SecurityGroupId.1=c"),
            ("SecurityGroupId.1=a", "SecurityGroup.1=default", "SecurityGroup.1=default"),
            (
                "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=8&BlockDeviceMapping.2.DeviceName=/dev/sdf&BlockDeviceMapping.2.Ebs.VolumeSize=9",
                "BlockDeviceMapping.7.DeviceName=/dev/sda1&BlockDeviceMapping.7.Ebs.VolumeSize=20",
                "BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=9&BlockDeviceMapping.2.DeviceName=/dev/sda1&BlockDeviceMapping.2.Ebs.VolumeSize=20",
            ),
            (
                "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=a&TagSpecification.2.ResourceType=volume&TagSpecification.2.Tag.1.Key=b",
                "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=c",
                "TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=b&TagSpecification.2.ResourceType=instance&TagSpecification.2.Tag.1.Key=c",
            ),
        ] {
            assert_eq!(lay_over(&parse(base), &parse(over)), parse(expected), "{base} under {over}");
        }
        let request = Query::parse(b"Action=RunInstances&LaunchTemplate.Version=1&ImageId=b").unwrap();
        let launch = launch(&parse("ImageId=a&RamDiskId=ari-1"), &request).unwrap();
        assert_eq!(launch.parameters(), &parse("Action=RunInstances&ImageId=b&RamdiskId=ari-1"));
        let source = parse("BlockDeviceMapping.1.Ebs.SnapshotId=s&BlockDeviceMapping.1.Ebs.VolumeSize=1");
        assert_eq!(without_snapshots(source), parse("BlockDeviceMapping.1.Ebs.VolumeSize=1"));
    }
}
