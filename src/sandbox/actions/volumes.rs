//! DescribeVolumes: the volumes of instances. They are made with their instances only; those that
//! outlive theirs are shown as long as it is.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::Call;
use super::instances::answer::{View, write_operator};
use crate::sandbox::cloud::{Tags, Volume};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, flag, made, maybe, text};
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::resource_id::is_resource_id;
use crate::sandbox::wire::time::{millis, seconds};
use crate::sandbox::wire::xml::Xml;

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidParameterValue", default: None };
/// Ids in one request.
const IDS_MAX: usize = 500;

/// A volume with its instance.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    view: View<'a>,
    volume: &'a Volume,
    tags: Option<&'a Tags>,
}

impl<'a> Shown<'a> {
    fn status(&self) -> &'static str {
        if self.view.is_attached() { "in-use" } else { "available" }
    }

    /// The key that encrypts it: one that the request named, or the account's own for EBS.
    fn key(&self) -> Option<Cow<'a, str>> {
        if !self.volume.encrypted {
            return None;
        }
        Some(self.volume.kms_key_id.as_deref().map_or_else(|| own_key(&self.view).into(), Cow::Borrowed))
    }

    /// Where it stands in the order of paging: by instance, then by id.
    fn position(&self) -> String {
        format!("{:020} {}", self.view.instance.sequence, self.volume.id)
    }
}

/// The ARN of the key `alias/aws/ebs` of a Region; its id follows from the Region.
fn own_key(view: &View<'_>) -> String {
    let region = view.network.region.as_str();
    let hex = hex::encode(Sha256::digest(format!("kms key for ebs {}", view.network.place())));
    let id = format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32]);
    format!("arn:aws:kms:{region}:{}:key/{id}", view.network.account_id)
}

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(&Shown<'a>, &mut Values<'a>);

/// The filters of DescribeVolumes.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("attachment.attach-time", |s, v| attached(s, |s| made(v, seconds(s.view.instance.launched)))),
    ("attachment.delete-on-termination", |s, v| attached(s, |s| flag(v, s.volume.delete_on_termination))),
    ("attachment.device", |s, v| attached(s, |s| text(v, &s.volume.device))),
    ("attachment.instance-id", |s, v| attached(s, |s| text(v, &s.view.instance.id))),
    ("attachment.status", |s, v| attached(s, |s| text(v, s.view.attachment_status()))),
    ("availability-zone", |s, v| text(v, &s.view.instance.zone)),
    ("availability-zone-id", |s, v| maybe(v, s.view.zone.map(|zone| zone.id.as_str()))),
    ("create-time", |s, v| made(v, millis(s.view.instance.launched))),
    ("encrypted", |s, v| flag(v, s.volume.encrypted)),
    ("fast-restored", |_, v| flag(v, false)),
    ("multi-attach-enabled", |_, v| flag(v, false)),
    ("operator.managed", |_, v| flag(v, false)),
    ("operator.principal", |_, _| {}),
    ("size", |s, v| made(v, s.volume.size_gib)),
    ("snapshot-id", |s, v| maybe(v, s.volume.snapshot_id.as_deref())),
    ("status", |s, v| text(v, s.status())),
    ("volume-id", |s, v| text(v, &s.volume.id)),
    ("volume-type", |s, v| text(v, &s.volume.volume_type)),
];

/// Lets a volume that is attached say more.
fn attached<'a>(shown: &Shown<'a>, push: impl FnOnce(&Shown<'a>)) {
    if shown.view.is_attached() {
        push(shown);
    }
}

/// DescribeVolumes.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["VolumeId", "Filter", "MaxResults", "NextToken", "IncludeManagedResources"])?;
    let params = call.params();
    params.boolean("IncludeManagedResources")?;
    let filters = Filters::read_with_tags(params, FILTERS)?;
    let ids = params.texts("VolumeId");
    let page = call.page_without_ids(PAGE, &ids, "volumeSet")?;
    if ids.len() > IDS_MAX {
        return Err(Ec2Error::new("InvalidParameterValue", format!("A request may name at most {IDS_MAX} volumes")));
    }
    if let Some(malformed) = ids.iter().find(|id| !is_resource_id(id, "vol-")) {
        return Err(Ec2Error::invalid("volumeId", malformed, "Expected: 'vol-...'."));
    }
    let state = call.cloud.state();
    let mut all: Vec<Shown<'_>> = Vec::new();
    for instance in state.instances(call.now, 0) {
        let ended = !View::new(instance, &state, call).is_attached();
        for volume in instance.volumes.iter().filter(|volume| !(ended && volume.delete_on_termination)) {
            if ids.is_empty() || ids.contains(&volume.id.as_str()) {
                all.push(Shown { view: View::new(instance, &state, call), volume, tags: state.tags(&volume.id) });
            }
        }
    }
    let missing = ids.iter().find(|id| !all.iter().any(|shown| shown.volume.id == **id));
    if let Some(unknown) = missing {
        let message = format!("The volume '{unknown}' does not exist.");
        return Err(Ec2Error::new("InvalidVolume.NotFound", message));
    }
    call.permit()?;
    all.sort_by_cached_key(Shown::position);
    let after = page.after.as_deref().unwrap_or_default();
    let chosen = all.iter().filter(|shown| shown.position().as_str() > after).filter(|shown| {
        filters.pass_with_tags(|| shown.tags.into_iter().flatten(), |fact, values| fact(shown, values))
    });
    let (volumes, token) = page.cut(chosen, |shown| shown.position());
    xml.list("volumeSet", volumes, write);
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn write(xml: &mut Xml, shown: &Shown<'_>) {
    let (view, volume) = (&shown.view, shown.volume);
    xml.text("volumeId", &volume.id);
    xml.value("size", volume.size_gib);
    xml.text("snapshotId", volume.snapshot_id.as_deref().unwrap_or_default());
    xml.text("availabilityZone", &view.instance.zone);
    xml.optional("availabilityZoneId", view.zone.map(|zone| zone.id.as_str()));
    xml.text("status", shown.status());
    xml.text("createTime", &millis(view.instance.launched));
    xml.list("attachmentSet", view.is_attached().then_some(()), |xml, ()| {
        xml.text("volumeId", &volume.id);
        xml.text("instanceId", &view.instance.id);
        xml.text("device", &volume.device);
        xml.text("status", view.attachment_status());
        xml.text("attachTime", &seconds(view.instance.launched));
        xml.value("deleteOnTermination", volume.delete_on_termination);
    });
    xml.tags(shown.tags.into_iter().flatten());
    xml.text("volumeType", &volume.volume_type);
    if let Some(iops) = volume.iops {
        xml.value("iops", iops);
    }
    if let Some(throughput) = volume.throughput {
        xml.value("throughput", throughput);
    }
    xml.value("encrypted", volume.encrypted);
    xml.optional("kmsKeyId", shown.key().as_deref());
    xml.value("multiAttachEnabled", false);
    write_operator(xml);
    if let Some(rate) = volume.initialization_rate {
        xml.value("volumeInitializationRate", rate);
    }
}
