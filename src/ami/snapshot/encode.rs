//! From an image to its row, and the record of numbers behind it.
//!
//! A record is a word that says what follows ([`has`]) and how many devices there are, then for
//! each device its number and, if it has one, its snapshot, and then the rare facts in the order of
//! [`has`]. `decode` reads it back.

use jiff::Timestamp;

use super::arena::{Interner, NONE, Symbol};
use super::chunked::Chunked;
use super::decode::Reader;
use super::distinct::Distinct;
use super::row::{
    DEVICE_TEXTS, Device, LOCATION_BY_ALIAS, LOCATION_BY_OWNER, Moment, PackedId, Row, SHAPE_TEXTS, SIZE_UNKNOWN, Shape,
};
use crate::ami::classify::total_volume_size_gib;
use crate::ec2::facts::{BlockDevice, Image, ImageWatermark, ScanResult};

/// The bits of a record's first word: which rare facts follow. The upper half counts the devices.
pub(super) mod has {
    pub(in super::super) const SOURCE_INSTANCE: u32 = 1;
    pub(in super::super) const SOURCE_IMAGE: u32 = 1 << 1;
    pub(in super::super) const SSM_PARAMETER: u32 = 1 << 2;
    pub(in super::super) const STATE_REASON: u32 = 1 << 3;
    pub(in super::super) const PRODUCT_CODES: u32 = 1 << 4;
    pub(in super::super) const WATERMARKS: u32 = 1 << 5;
    pub(in super::super) const SCAN: u32 = 1 << 6;
    pub(in super::super) const TYPES: u32 = 1 << 7;
    pub(in super::super) const TAGS: u32 = 1 << 8;
    pub(in super::super) const RARE: u32 = 0x1ff;
    pub(in super::super) const DEVICES_SHIFT: u32 = 16;
    /// There are this many devices or more, and a word with their number follows.
    pub(in super::super) const DEVICES_MANY: u32 = 0xffff;
}

/// The bits of a device's last word.
pub(super) mod device_has {
    pub(in super::super) const EBS: u32 = 1;
    pub(in super::super) const SNAPSHOT: u32 = 1 << 1;
    /// The first of five numbers.
    pub(in super::super) const NUMBERS_SHIFT: u32 = 2;
    pub(in super::super) const DELETE_SHIFT: u32 = 8;
    pub(in super::super) const ENCRYPTED_SHIFT: u32 = 10;
}

/// The table while images are added, in the order they come.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) texts: Interner,
    pub(super) shapes: Distinct<Shape>,
    pub(super) devices: Distinct<Device>,
    pub(super) records: Chunked<u32>,
    pub(super) rows: Chunked<Row>,
}

impl Encoder {
    /// With room for so many texts and rows.
    pub(super) fn with_room(texts: usize, rows: usize) -> Self {
        Self {
            texts: Interner::with_room(texts),
            shapes: Distinct::new(),
            devices: Distinct::new(),
            records: Chunked::with_room(rows * 4),
            rows: Chunked::with_room(rows),
        }
    }

    /// Reads what was added.
    pub(super) fn reader(&self) -> Reader<'_> {
        let Self { texts, shapes, devices, records, rows } = self;
        Reader { texts: texts.arena(), shapes: shapes.values(), devices: devices.values(), records, rows }
    }

    /// Adds an image; false if there is no room for it.
    pub(super) fn push(&mut self, image: &Image) -> bool {
        let Ok(record) = u32::try_from(self.records.len()) else { return false };
        let mut texts = [NONE; SHAPE_TEXTS + 1];
        for (word, text) in texts.iter_mut().zip(shape_texts(image)) {
            *word = self.texts.option(text);
        }
        texts[SHAPE_TEXTS] = shape_flags(image);
        let id = PackedId::new(&image.image_id);
        let [created, deprecated, launched] =
            [image.creation_date, image.deprecation_time, image.last_launched_time].map(Moment::new);
        let row = Row {
            id_high: id.high,
            total_gib: total_volume_size_gib(image).unwrap_or(SIZE_UNKNOWN),
            created_second: created.second,
            deprecated_second: deprecated.second,
            launched_second: launched.second,
            created_nanosecond: created.nanosecond,
            deprecated_nanosecond: deprecated.nanosecond,
            launched_nanosecond: launched.nanosecond,
            shape: self.shapes.place(texts),
            name: self.texts.option(image.name.as_deref()),
            description: self.texts.option(image.description.as_deref()),
            location: self.location(image),
            record,
            id_low: id.low,
        };
        self.record(image);
        if self.texts.overflowed() {
            return false;
        }
        self.rows.push(row);
        true
    }

    /// Most locations say nothing new.
    fn location(&mut self, image: &Image) -> Symbol {
        let Some(location) = image.image_location.as_deref() else { return NONE };
        let name = image.name.as_deref();
        let is_derived = |owner: Option<&str>| {
            let (Some(owner), Some(name)) = (owner, name) else { return false };
            location.strip_prefix(owner).and_then(|rest| rest.strip_prefix('/')) == Some(name)
        };
        if is_derived(image.image_owner_alias.as_deref()) {
            LOCATION_BY_ALIAS
        } else if is_derived(image.owner_id.as_deref()) {
            LOCATION_BY_OWNER
        } else {
            self.texts.intern(location)
        }
    }

    fn record(&mut self, image: &Image) {
        let specification = image.instance_type_specification.as_ref();
        let facts = [
            (image.source_instance_id.is_some(), has::SOURCE_INSTANCE),
            (image.source_image_id.is_some(), has::SOURCE_IMAGE),
            (image.public_ssm_parameter_name.is_some(), has::SSM_PARAMETER),
            (image.state_reason.is_some(), has::STATE_REASON),
            (!image.product_codes.is_empty(), has::PRODUCT_CODES),
            (!image.image_watermarks.is_empty(), has::WATERMARKS),
            (image.scan_result.is_some(), has::SCAN),
            (specification.is_some(), has::TYPES),
            (!image.tags.is_empty(), has::TAGS),
        ];
        let mut first = facts.iter().filter(|(there, _)| *there).map(|(_, bit)| bit).sum::<u32>();
        let devices = image.block_device_mappings.len() as u32;
        first |= devices.min(has::DEVICES_MANY) << has::DEVICES_SHIFT;
        self.records.push(first);
        if devices >= has::DEVICES_MANY {
            self.records.push(devices);
        }
        for mapping in &image.block_device_mappings {
            self.device(mapping);
        }
        let texts = [&image.source_instance_id, &image.source_image_id, &image.public_ssm_parameter_name];
        for text in texts.into_iter().flatten() {
            self.text(Some(text));
        }
        if let Some(reason) = &image.state_reason {
            self.text(reason.code.as_deref());
            self.text(reason.message.as_deref());
        }
        if !image.product_codes.is_empty() {
            self.records.push(image.product_codes.len() as u32);
            for code in &image.product_codes {
                self.text(code.id.as_deref());
                self.text(code.kind.as_deref());
            }
        }
        if !image.image_watermarks.is_empty() {
            self.records.push(image.image_watermarks.len() as u32);
            for mark in &image.image_watermarks {
                self.watermark(mark);
            }
        }
        if let Some(scan) = &image.scan_result {
            self.text(scan.highest_finding_severity_label.as_deref());
            for time in scan_times(scan) {
                self.time(time);
            }
        }
        if let Some(specification) = specification {
            for types in [&specification.supported_instance_types, &specification.unsupported_instance_types] {
                self.records.push(types.len() as u32);
                for pattern in types {
                    self.text(Some(pattern));
                }
            }
        }
        if !image.tags.is_empty() {
            self.records.push(image.tags.len() as u32);
            for (key, value) in &image.tags {
                self.text(Some(key));
                self.text(Some(value));
            }
        }
    }

    fn text(&mut self, text: Option<&str>) {
        let symbol = self.texts.option(text);
        self.records.push(symbol);
    }

    fn time(&mut self, time: Option<Timestamp>) {
        let moment = Moment::new(time);
        let second = moment.second.cast_unsigned();
        for word in [(second >> 32) as u32, second as u32, moment.nanosecond] {
            self.records.push(word);
        }
    }

    fn watermark(&mut self, mark: &ImageWatermark) {
        for text in [&mark.watermark_key, &mark.source_image_region, &mark.source_image_id] {
            self.text(text.as_deref());
        }
        self.time(mark.source_image_creation_time);
        self.time(mark.watermark_creation_time);
    }

    fn device(&mut self, mapping: &BlockDevice) {
        let mut device: Device = [0; DEVICE_TEXTS + 6];
        let ebs = mapping.ebs.as_ref();
        let texts = [
            mapping.device_name.as_deref(),
            mapping.virtual_name.as_deref(),
            mapping.no_device.as_deref(),
            ebs.and_then(|volume| volume.volume_type.as_deref()),
            ebs.and_then(|volume| volume.kms_key_id.as_deref()),
            ebs.and_then(|volume| volume.outpost_arn.as_deref()),
            ebs.and_then(|volume| volume.availability_zone.as_deref()),
        ];
        for (word, text) in device.iter_mut().zip(texts) {
            *word = self.texts.option(text);
        }
        let mut flags = 0;
        let mut snapshot = None;
        if let Some(volume) = ebs {
            snapshot = volume.snapshot_id.as_deref();
            let numbers = [
                volume.iops,
                volume.volume_size_gib,
                volume.throughput_mibps,
                volume.volume_initialization_rate_mibps,
                volume.ebs_card_index,
            ];
            for (place, number) in numbers.into_iter().enumerate() {
                device[DEVICE_TEXTS + place] = number.unwrap_or(0).cast_unsigned();
                flags |= u32::from(number.is_some()) << (device_has::NUMBERS_SHIFT + place as u32);
            }
            flags |= device_has::EBS
                | if snapshot.is_some() { device_has::SNAPSHOT } else { 0 }
                | (flag(volume.delete_on_termination) << device_has::DELETE_SHIFT)
                | (flag(volume.encrypted) << device_has::ENCRYPTED_SHIFT);
        }
        device[DEVICE_TEXTS + 5] = flags;
        let place = self.devices.place(device);
        self.records.push(place);
        if snapshot.is_some() {
            self.text(snapshot);
        }
    }
}

/// The texts of a shape; `decode` writes them back in this order.
fn shape_texts(image: &Image) -> [Option<&str>; SHAPE_TEXTS] {
    [
        &image.owner_id,
        &image.image_owner_alias,
        &image.architecture,
        &image.image_type,
        &image.state,
        &image.root_device_type,
        &image.root_device_name,
        &image.virtualization_type,
        &image.hypervisor,
        &image.boot_mode,
        &image.tpm_support,
        &image.imds_support,
        &image.sriov_net_support,
        &image.kernel_id,
        &image.ramdisk_id,
        &image.platform,
        &image.platform_details,
        &image.usage_operation,
        &image.source_image_region,
        &image.deregistration_protection,
    ]
    .map(Option::as_deref)
}

fn shape_flags(image: &Image) -> u32 {
    let flags = [image.ena_support, image.public, image.image_allowed, image.free_tier_eligible];
    flags.into_iter().rev().fold(0, |word, value| word << 2 | flag(value))
}

/// A flag that may be absent, in two bits.
fn flag(value: Option<bool>) -> u32 {
    value.map_or(0, |value| 1 + u32::from(value))
}

/// The times of a scan, in the order they are written and read in.
fn scan_times(scan: &ScanResult) -> [Option<Timestamp>; 6] {
    [
        scan.finding_scan_date,
        scan.informational_fix_available_since,
        scan.low_fix_available_since,
        scan.medium_fix_available_since,
        scan.high_fix_available_since,
        scan.critical_fix_available_since,
    ]
}
