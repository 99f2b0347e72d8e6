//! Images to test with: odd ones, which hold whatever the types allow, and likely ones, made of
//! recorded names.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::ec2::facts::{
    BlockDevice, EbsVolume, Image, ImageWatermark, InstanceTypeSpecification, ProductCode, ScanResult, StateReason,
};
use crate::ids::ImageId;

/// Draws (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", SplitMix64).
#[derive(Debug)]
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    pub(super) fn maybe<T>(&mut self, percent: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(percent).then(|| make(self))
    }

    fn id(&mut self) -> ImageId {
        let id = if self.chance(20) {
            format!("ami-{:08x}", self.next() as u32)
        } else {
            format!("ami-{:x}{:016x}", self.below(16), self.next())
        };
        id.parse().unwrap()
    }

    fn odd_text(&mut self) -> String {
        const TEXTS: [&str; 18] = [
            "",
            "a",
            "amazon",
            "é",
            "ab",
            "abc",
            "a*b",
            r"x\y",
            "a?",
            "self",
            "true",
            "windows",
            "WINDOWS",
            "ubuntu/24.04",
            "al2023-ami-2023",
            "0",
            "100",
            "名",
        ];
        match self.below(20) {
            0 => "long ".repeat(self.below(900) as usize),
            1 => format!("{}-{}", self.pick(&TEXTS), self.pick(&TEXTS)),
            2 => self.next().to_string(),
            _ => (*self.pick(&TEXTS)).to_owned(),
        }
    }

    fn words(&mut self, words: &[&str]) -> Option<String> {
        match self.below(10) {
            0 => None,
            1 => Some(self.odd_text()),
            _ => Some((*self.pick(words)).to_owned()),
        }
    }

    fn flag(&mut self) -> Option<bool> {
        self.maybe(70, |draw| draw.chance(50))
    }

    fn number(&mut self) -> Option<i32> {
        self.maybe(70, |draw| if draw.chance(20) { draw.next() as i32 } else { 8 * draw.below(5) as i32 })
    }

    pub(super) fn time(&mut self) -> Timestamp {
        let near = Timestamp::from_second(1_700_000_000 + 86_400 * self.below(400) as i64).unwrap();
        match self.below(10) {
            0 => *self.pick(&[Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH]),
            1 => {
                let span = (Timestamp::MAX.as_second() - Timestamp::MIN.as_second()) as u64;
                let second = Timestamp::MIN.as_second() + self.below(span) as i64;
                Timestamp::new(second, 0).unwrap() + SignedDuration::new(0, self.below(1_000_000_000) as i32)
            }
            2 => near + SignedDuration::new(0, self.below(1_000_000_000) as i32),
            _ => near,
        }
    }

    fn odd_device(&mut self) -> BlockDevice {
        let volume = |draw: &mut Self| EbsVolume {
            delete_on_termination: draw.flag(),
            iops: draw.number(),
            snapshot_id: draw.maybe(70, |draw| format!("snap-{:08x}", draw.below(40))),
            volume_size_gib: draw.number(),
            volume_type: draw.words(&["gp2", "gp3", "io1"]),
            kms_key_id: draw.maybe(10, Self::odd_text),
            throughput_mibps: draw.number(),
            outpost_arn: draw.maybe(10, Self::odd_text),
            encrypted: draw.flag(),
            volume_initialization_rate_mibps: draw.number(),
            ebs_card_index: draw.number(),
            availability_zone: draw.maybe(10, Self::odd_text),
        };
        BlockDevice {
            device_name: self.words(&["/dev/xvda", "/dev/sda1", "/dev/sdb"]),
            virtual_name: self.maybe(20, |draw| format!("ephemeral{}", draw.below(3))),
            no_device: self.maybe(10, |_| String::new()),
            ebs: self.maybe(70, volume),
        }
    }

    fn odd_watermark(&mut self) -> ImageWatermark {
        ImageWatermark {
            watermark_key: self.words(&["111122223333:gold", "111122223333:blue"]),
            source_image_region: self.words(&["us-east-1", "eu-west-1"]),
            source_image_id: self.maybe(70, |draw| draw.id().to_string()),
            source_image_creation_time: self.maybe(70, Self::time),
            watermark_creation_time: self.maybe(70, Self::time),
        }
    }

    fn odd_scan(&mut self) -> ScanResult {
        ScanResult {
            highest_finding_severity_label: self.words(&["low", "high"]),
            finding_scan_date: self.maybe(70, Self::time),
            informational_fix_available_since: self.maybe(50, Self::time),
            low_fix_available_since: self.maybe(50, Self::time),
            medium_fix_available_since: self.maybe(50, Self::time),
            high_fix_available_since: self.maybe(50, Self::time),
            critical_fix_available_since: self.maybe(50, Self::time),
        }
    }

    fn some<T>(&mut self, percent: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = if self.chance(percent) { self.below(4) } else { 0 };
        (0..count).map(|_| make(self)).collect()
    }

    /// Whatever the types allow, from few values, so that images have things in common.
    pub(super) fn odd_image(&mut self) -> Image {
        let name = self.maybe(90, |draw| match draw.below(3) {
            0 => draw.odd_text(),
            _ => format!("al2023-ami-2023.{}-kernel-6.1-{}", draw.below(30), draw.pick(&["x86_64", "arm64"])),
        });
        let owner = self.words(&["111122223333", "137112412989", "099720109477", "999900001111"]);
        let alias = self.maybe(50, |draw| (*draw.pick(&["amazon", "aws-marketplace", "aws-backup-vault"])).to_owned());
        let location = match self.below(4) {
            0 => None,
            1 => Some(self.odd_text()),
            2 => owner.as_ref().zip(name.as_ref()).map(|(owner, name)| format!("{owner}/{name}")),
            _ => alias.as_ref().zip(name.as_ref()).map(|(alias, name)| format!("{alias}/{name}")),
        };
        Image {
            image_id: self.id(),
            description: self.maybe(70, Self::odd_text),
            image_location: location,
            architecture: self.words(&["x86_64", "arm64", "i386", "x86_64_mac"]),
            image_type: self.words(&["machine"]),
            state: self.words(&["available", "available", "available", "disabled", "pending", "failed"]),
            state_reason: self
                .maybe(20, |draw| StateReason { code: draw.words(&["Client.X"]), message: draw.words(&["because"]) }),
            creation_date: self.maybe(90, Self::time),
            deprecation_time: self.maybe(70, Self::time),
            last_launched_time: self.maybe(40, Self::time),
            root_device_type: self.words(&["ebs", "ebs", "instance-store"]),
            root_device_name: self.words(&["/dev/xvda", "/dev/sda1"]),
            virtualization_type: self.words(&["hvm", "hvm", "paravirtual"]),
            hypervisor: self.words(&["xen"]),
            boot_mode: self.words(&["uefi", "uefi-preferred", "legacy-bios"]),
            tpm_support: self.maybe(40, |_| "v2.0".to_owned()),
            imds_support: self.maybe(40, |_| "v2.0".to_owned()),
            ena_support: self.maybe(80, |draw| draw.chance(80)),
            sriov_net_support: self.words(&["simple"]),
            kernel_id: self.maybe(10, Self::odd_text),
            ramdisk_id: self.maybe(10, Self::odd_text),
            platform: self.maybe(20, |draw| (*draw.pick(&["windows", "Windows"])).to_owned()),
            platform_details: self.words(&["Linux/UNIX", "Windows", "Ubuntu Pro"]),
            usage_operation: self.words(&["RunInstances", "RunInstances:0002"]),
            public: self.flag(),
            product_codes: self.some(40, |draw| ProductCode {
                id: draw.words(&["abc123", "def456"]),
                kind: draw.words(&["marketplace"]),
            }),
            block_device_mappings: self.some(90, Self::odd_device),
            source_instance_id: self.maybe(30, Self::odd_text),
            source_image_id: self.maybe(30, |draw| draw.id().to_string()),
            source_image_region: self.maybe(30, |_| "us-east-1".to_owned()),
            deregistration_protection: self.words(&["disabled"]),
            image_allowed: self.flag(),
            free_tier_eligible: self.flag(),
            public_ssm_parameter_name: self.maybe(20, Self::odd_text),
            image_watermarks: self.some(30, Self::odd_watermark),
            scan_result: self.maybe(30, Self::odd_scan),
            instance_type_specification: self.maybe(30, |draw| InstanceTypeSpecification {
                supported_instance_types: draw.some(60, |draw| (*draw.pick(&["m7i.*", "t3.micro"])).to_owned()),
                unsupported_instance_types: draw.some(60, |draw| (*draw.pick(&["m7g.*", "t3.*"])).to_owned()),
            }),
            tags: self
                .some(40, |draw| ((*draw.pick(&["Name", "team", "é"])).to_owned(), draw.odd_text()))
                .into_iter()
                .collect(),
            name,
            owner_id: owner,
            image_owner_alias: alias,
        }
    }

    /// What a Region is full of.
    pub(super) fn likely_image(&mut self, number: usize) -> Image {
        let record = &RECORDED[number % RECORDED.len()];
        let created = Timestamp::from_second(1_500_000_000 + self.below(290_000_000) as i64).unwrap();
        let day = created.strftime("%Y%m%d").to_string();
        let windows = record.platform.is_some();
        let size = if windows { 30 } else { *self.pick(&[8, 8, 8, 10, 20, 40]) };
        let mut image = self.odd_image();
        let odd = |draw: &mut Self, percent| draw.chance(percent);
        let alias = match record.owner_id.as_str() {
            "679593333241" => Some("aws-marketplace"),
            "136693071363" => None,
            _ if self.chance(25) => None,
            _ => Some("amazon"),
        };
        let owner = if alias.is_some() { record.owner_id.clone() } else { format!("{:012}", self.below(3000)) };
        let name = format!("{}-{day}-{:08x}", record.name.trim(), self.next() as u32);
        image.image_id = format!("ami-0{:016x}", self.next()).parse().unwrap();
        image.image_location = Some(format!("{}/{name}", alias.unwrap_or(&owner)));
        image.description = match self.below(3) {
            0 => Some(format!("{} {day} {:04x}", record.description, self.next() as u16)),
            1 => Some(record.description.clone()),
            _ => Some(format!("{} {day}", record.description)),
        };
        image.name = Some(name);
        image.owner_id = Some(owner);
        image.image_owner_alias = alias.map(str::to_owned);
        image.architecture = Some(record.architecture.clone());
        image.image_type = Some("machine".to_owned());
        image.state = Some(if odd(self, 1) { "disabled" } else { "available" }.to_owned());
        image.state_reason = None;
        image.creation_date = Some(created);
        image.deprecation_time = Some(created + SignedDuration::from_hours(730 * 24));
        image.last_launched_time = None;
        image.root_device_type = Some(record.root_device_type.clone());
        image.root_device_name = Some(record.root_device_name.clone());
        image.virtualization_type = Some(record.virtualization_type.clone());
        image.hypervisor = Some("xen".to_owned());
        image.boot_mode = self.maybe(40, |draw| (*draw.pick(&["uefi", "uefi-preferred"])).to_owned());
        image.ena_support = Some(true);
        image.sriov_net_support = Some("simple".to_owned());
        (image.kernel_id, image.ramdisk_id) = (None, None);
        image.platform = windows.then(|| "windows".to_owned());
        image.platform_details = Some(if windows { "Windows" } else { "Linux/UNIX" }.to_owned());
        image.usage_operation = Some(if windows { "RunInstances:0002" } else { "RunInstances" }.to_owned());
        image.public = Some(!odd(self, 5));
        image.image_allowed = Some(true);
        image.free_tier_eligible = Some(odd(self, 10));
        image.deregistration_protection = None;
        image.public_ssm_parameter_name = None;
        image.image_watermarks.clear();
        image.scan_result = None;
        image.instance_type_specification = None;
        image.tags.clear();
        image.source_instance_id = None;
        image.source_image_id = self.maybe(20, |draw| format!("ami-0{:016x}", draw.next()));
        image.source_image_region = image.source_image_id.as_ref().map(|_| "us-east-1".to_owned());
        let marketplace = image.image_owner_alias.as_deref() == Some("aws-marketplace") || odd(self, 30);
        image.product_codes.clear();
        if marketplace {
            let id = Some(format!("{:025x}", self.below(9000)));
            image.product_codes.push(ProductCode { id, kind: Some("marketplace".to_owned()) });
        }
        image.block_device_mappings = vec![BlockDevice {
            device_name: image.root_device_name.clone(),
            virtual_name: None,
            no_device: None,
            ebs: Some(EbsVolume {
                delete_on_termination: Some(true),
                snapshot_id: Some(format!("snap-0{:016x}", self.next())),
                volume_size_gib: Some(size),
                volume_type: Some((*self.pick(&["gp2", "gp3"])).to_owned()),
                encrypted: Some(false),
                ..EbsVolume::default()
            }),
        }];
        for ephemeral in 0..if windows { 26 } else { 2 * self.below(2) } {
            image.block_device_mappings.push(BlockDevice {
                device_name: Some(format!("xvdc{}", char::from(b'a' + ephemeral as u8))),
                virtual_name: Some(format!("ephemeral{ephemeral}")),
                no_device: None,
                ebs: None,
            });
        }
        image
    }
}

#[derive(Debug, Deserialize)]
struct Recorded {
    architecture: String,
    description: String,
    name: String,
    owner_id: String,
    platform: Option<String>,
    root_device_name: String,
    root_device_type: String,
    virtualization_type: String,
}

static RECORDED: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    let lines = include_str!("../../../../data/amis-us-east-1.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
});
