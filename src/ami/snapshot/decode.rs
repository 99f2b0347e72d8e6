//! From a row back to its image, into one that is used again.

use jiff::Timestamp;

use super::arena::{Arena, Symbol};
use super::chunked::Chunked;
use super::encode::{device_has, has};
use super::row::{DEVICE_TEXTS, Device, LOCATION_BY_ALIAS, LOCATION_BY_OWNER, Moment, Row, SHAPE_TEXTS, Shape};
use crate::ec2::facts::{
    BlockDevice, EbsVolume, Image, ImageWatermark, InstanceTypeSpecification, ProductCode, ScanResult, StateReason,
};

/// The table at rest.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) texts: Arena,
    pub(super) shapes: Chunked<Shape>,
    pub(super) devices: Chunked<Device>,
    pub(super) records: Chunked<u32>,
    pub(super) rows: Chunked<Row>,
}

/// The places of texts in a shape that are read by themselves.
const OWNER: usize = 0;
const ALIAS: usize = 1;

/// The parts of a table that an image is read from; also there while the table is being built.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) texts: &'a Arena,
    pub(super) shapes: &'a Chunked<Shape>,
    pub(super) devices: &'a Chunked<Device>,
    pub(super) records: &'a Chunked<u32>,
    pub(super) rows: &'a Chunked<Row>,
}

impl Table {
    pub(super) fn reader(&self) -> Reader<'_> {
        let Self { texts, shapes, devices, records, rows } = self;
        Reader { texts, shapes, devices, records, rows }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.texts.heap_bytes()
            + self.shapes.heap_bytes()
            + self.devices.heap_bytes()
            + self.records.heap_bytes()
            + self.rows.heap_bytes()
    }
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn row(self, doc: u32) -> &'a Row {
        self.rows.get(doc as usize)
    }

    /// Writes the location over `buffer`; false where there is none.
    pub(super) fn location(self, doc: u32, buffer: &mut String) -> bool {
        buffer.clear();
        let row = self.row(doc);
        let shape = self.shapes.get(row.shape as usize);
        let owner = match row.location {
            LOCATION_BY_ALIAS => shape[ALIAS],
            LOCATION_BY_OWNER => shape[OWNER],
            location => {
                buffer.push_str(self.texts.get(location).unwrap_or_default());
                return self.texts.get(location).is_some();
            }
        };
        buffer.push_str(self.texts.get(owner).unwrap_or_default());
        buffer.push('/');
        buffer.push_str(self.texts.get(row.name).unwrap_or_default());
        true
    }

    /// The record of an image, from its first word on.
    pub(super) fn record(self, doc: u32) -> Words<'a> {
        Words { reader: self, at: self.row(doc).record as usize }
    }

    /// Whether there are rare facts in its record.
    pub(super) fn is_rare(self, doc: u32) -> bool {
        self.records.get(self.row(doc).record as usize) & has::RARE != 0
    }

    /// The snapshots of its devices.
    pub(super) fn snapshots(self, doc: u32, mut each: impl FnMut(Symbol)) {
        let mut words = self.record(doc);
        for _ in 0..words.devices().1 {
            let device = self.devices.get(words.next() as usize);
            if device[DEVICE_TEXTS + 5] & device_has::SNAPSHOT != 0 {
                each(words.next());
            }
        }
    }

    /// The numbers of its devices.
    pub(super) fn device_numbers(self, doc: u32, mut each: impl FnMut(u32)) {
        let mut words = self.record(doc);
        for _ in 0..words.devices().1 {
            let number = words.next();
            if self.devices.get(number as usize)[DEVICE_TEXTS + 5] & device_has::SNAPSHOT != 0 {
                words.next();
            }
            each(number);
        }
    }

    /// Writes a device over `mapping`, but for its snapshot; true if it has one.
    pub(super) fn device(self, number: u32, mapping: &mut BlockDevice) -> bool {
        let device = self.devices.get(number as usize);
        let flags = device[DEVICE_TEXTS + 5];
        let text = |place: usize| self.texts.get(device[place]);
        put(&mut mapping.device_name, text(0));
        put(&mut mapping.virtual_name, text(1));
        put(&mut mapping.no_device, text(2));
        if flags & device_has::EBS == 0 {
            mapping.ebs = None;
            return false;
        }
        let volume = mapping.ebs.get_or_insert_default();
        put(&mut volume.volume_type, text(3));
        put(&mut volume.kms_key_id, text(4));
        put(&mut volume.outpost_arn, text(5));
        put(&mut volume.availability_zone, text(6));
        let number = |place: usize| {
            let there = flags >> (device_has::NUMBERS_SHIFT as usize + place) & 1 != 0;
            there.then(|| device[DEVICE_TEXTS + place].cast_signed())
        };
        volume.iops = number(0);
        volume.volume_size_gib = number(1);
        volume.throughput_mibps = number(2);
        volume.volume_initialization_rate_mibps = number(3);
        volume.ebs_card_index = number(4);
        volume.delete_on_termination = flag(flags >> device_has::DELETE_SHIFT);
        volume.encrypted = flag(flags >> device_has::ENCRYPTED_SHIFT);
        flags & device_has::SNAPSHOT != 0
    }

    /// Writes the whole image over `image`.
    pub(super) fn load(self, doc: u32, image: &mut Image) {
        let row = self.row(doc);
        row.id().with_text(|id| {
            if image.image_id.as_str() != id {
                // Every id that is here was parsed once, and comes back as it was.
                if let Ok(id) = id.parse() {
                    image.image_id = id;
                }
            }
        });
        put(&mut image.name, self.texts.get(row.name));
        put(&mut image.description, self.texts.get(row.description));
        image.creation_date = row.created().time();
        image.deprecation_time = row.deprecated().time();
        image.last_launched_time = row.launched().time();
        self.shape(row, image);
        let mut location = image.image_location.take().unwrap_or_default();
        image.image_location = self.location(doc, &mut location).then_some(location);
        self.rest(doc, image);
    }

    fn shape(self, row: &Row, image: &mut Image) {
        let shape = self.shapes.get(row.shape as usize);
        let fields = [
            &mut image.owner_id,
            &mut image.image_owner_alias,
            &mut image.architecture,
            &mut image.image_type,
            &mut image.state,
            &mut image.root_device_type,
            &mut image.root_device_name,
            &mut image.virtualization_type,
            &mut image.hypervisor,
            &mut image.boot_mode,
            &mut image.tpm_support,
            &mut image.imds_support,
            &mut image.sriov_net_support,
            &mut image.kernel_id,
            &mut image.ramdisk_id,
            &mut image.platform,
            &mut image.platform_details,
            &mut image.usage_operation,
            &mut image.source_image_region,
            &mut image.deregistration_protection,
        ];
        for (field, symbol) in fields.into_iter().zip(shape) {
            put(field, self.texts.get(*symbol));
        }
        let flags = shape[SHAPE_TEXTS];
        image.ena_support = flag(flags);
        image.public = flag(flags >> 2);
        image.image_allowed = flag(flags >> 4);
        image.free_tier_eligible = flag(flags >> 6);
    }

    fn rest(self, doc: u32, image: &mut Image) {
        let mut words = self.record(doc);
        let (first, devices) = words.devices();
        let there = |bit| first & bit != 0;
        resize(&mut image.block_device_mappings, devices, no_device);
        for mapping in &mut image.block_device_mappings {
            words.device(mapping);
        }
        put(&mut image.source_instance_id, words.text_if(there(has::SOURCE_INSTANCE)));
        put(&mut image.source_image_id, words.text_if(there(has::SOURCE_IMAGE)));
        put(&mut image.public_ssm_parameter_name, words.text_if(there(has::SSM_PARAMETER)));
        image.state_reason =
            there(has::STATE_REASON).then(|| StateReason { code: words.owned_text(), message: words.owned_text() });
        let codes = if there(has::PRODUCT_CODES) { words.next() as usize } else { 0 };
        resize(&mut image.product_codes, codes, || ProductCode { id: None, kind: None });
        for code in &mut image.product_codes {
            put(&mut code.id, words.text());
            put(&mut code.kind, words.text());
        }
        let marks = if there(has::WATERMARKS) { words.next() } else { 0 };
        image.image_watermarks.clear();
        image.image_watermarks.extend((0..marks).map(|_| words.watermark()));
        image.scan_result = there(has::SCAN).then(|| words.scan());
        image.instance_type_specification = there(has::TYPES).then(|| InstanceTypeSpecification {
            supported_instance_types: words.list(),
            unsupported_instance_types: words.list(),
        });
        image.tags.clear();
        let tags = if there(has::TAGS) { words.next() } else { 0 };
        for _ in 0..tags {
            if let (Some(key), Some(value)) = (words.owned_text(), words.owned_text()) {
                image.tags.insert(key, value);
            }
        }
    }
}

/// A place in the records.
#[derive(Debug)]
pub(super) struct Words<'a> {
    reader: Reader<'a>,
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> u32 {
        let word = *self.reader.records.get(self.at);
        self.at += 1;
        word
    }

    /// The first word, and how many devices follow.
    fn devices(&mut self) -> (u32, usize) {
        let first = self.next();
        let count = first >> has::DEVICES_SHIFT;
        (first, if count == has::DEVICES_MANY { self.next() } else { count } as usize)
    }

    fn text(&mut self) -> Option<&'a str> {
        let symbol = self.next();
        self.reader.texts.get(symbol)
    }

    fn text_if(&mut self, there: bool) -> Option<&'a str> {
        if there { self.text() } else { None }
    }

    fn owned_text(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    fn list(&mut self) -> Vec<String> {
        let count = self.next();
        (0..count).filter_map(|_| self.owned_text()).collect()
    }

    fn time(&mut self) -> Option<Timestamp> {
        let second = (u64::from(self.next()) << 32 | u64::from(self.next())).cast_signed();
        Moment { second, nanosecond: self.next() }.time()
    }

    fn watermark(&mut self) -> ImageWatermark {
        ImageWatermark {
            watermark_key: self.owned_text(),
            source_image_region: self.owned_text(),
            source_image_id: self.owned_text(),
            source_image_creation_time: self.time(),
            watermark_creation_time: self.time(),
        }
    }

    fn scan(&mut self) -> ScanResult {
        ScanResult {
            highest_finding_severity_label: self.owned_text(),
            finding_scan_date: self.time(),
            informational_fix_available_since: self.time(),
            low_fix_available_since: self.time(),
            medium_fix_available_since: self.time(),
            high_fix_available_since: self.time(),
            critical_fix_available_since: self.time(),
        }
    }

    fn device(&mut self, mapping: &mut BlockDevice) {
        let number = self.next();
        let has_snapshot = self.reader.device(number, mapping);
        let snapshot = self.text_if(has_snapshot);
        if let Some(volume) = &mut mapping.ebs {
            put(&mut volume.snapshot_id, snapshot);
        }
    }
}

/// An image to load into.
pub(super) fn blank() -> Image {
    Image::unknown("ami-00000000".parse().expect("the form of an image id"))
}

/// Writes a text over the one that is there, in the memory that is there.
fn put(field: &mut Option<String>, text: Option<&str>) {
    match (field.as_mut(), text) {
        (Some(field), Some(text)) => {
            field.clear();
            field.push_str(text);
        }
        (None, None) => {}
        (_, text) => *field = text.map(str::to_owned),
    }
}

fn resize<T>(items: &mut Vec<T>, len: usize, empty: impl FnMut() -> T) {
    items.resize_with(len, empty);
}

/// A device to write over.
pub(super) fn no_device() -> BlockDevice {
    BlockDevice { device_name: None, virtual_name: None, no_device: None, ebs: Some(EbsVolume::default()) }
}

fn flag(bits: u32) -> Option<bool> {
    match bits & 3 {
        0 => None,
        word => Some(word == 2),
    }
}
