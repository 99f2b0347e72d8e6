//! Judging one image against every instance type takes less time than EC2 takes for one page of
//! instance types: at most 10 µs a type.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gantry::ami::compatibility::{Wish, check_compatibility, verdict};
use gantry::ec2::facts::{Image, InstanceTypeFacts};
use serde_json::Value;

use super::{Effort, Measured, median};

const LIMIT: Duration = Duration::from_micros(10);

pub(super) fn measure(effort: Effort) -> Measured {
    let types: Vec<InstanceTypeFacts> = include_str!("../../data/instance-types.jsonl")
        .lines()
        .map(|line| facts(&serde_json::from_str(line).unwrap()))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    let image = Image {
        architecture: text("x86_64"),
        image_type: text("machine"),
        state: text("available"),
        root_device_type: text("ebs"),
        virtualization_type: text("hvm"),
        boot_mode: text("uefi-preferred"),
        ena_support: Some(true),
        ..Image::unknown("ami-00000001".parse().unwrap())
    };
    let mut times = Vec::new();
    for _ in 0..effort.repetitions.div_ceil(20) {
        let begun = Instant::now();
        for facts in &types {
            std::hint::black_box(verdict(&check_compatibility(&image, facts, &Wish::default())));
        }
        times.push(begun.elapsed() / u32::try_from(types.len()).unwrap());
    }
    let each = median(times);
    Measured {
        promise: "judge an image against one type",
        measured: format!("{each:.1?}"),
        against: format!("limit {LIMIT:?}"),
        ratio: each.div_duration_f64(LIMIT),
        limit: 1.0,
    }
}

/// The facts that compatibility reads, from a line as the AWS CLI prints it.
fn facts(line: &Value) -> InstanceTypeFacts {
    let list = |value: &Value| value.clone();
    let fields = BTreeMap::from([
        ("instance_type", line["InstanceType"].clone()),
        ("hypervisor", line["Hypervisor"].clone()),
        ("supported_usage_classes", list(&line["SupportedUsageClasses"])),
        ("supported_root_device_types", list(&line["SupportedRootDeviceTypes"])),
        ("supported_virtualization_types", list(&line["SupportedVirtualizationTypes"])),
        ("supported_boot_modes", list(&line["SupportedBootModes"])),
        (
            "processor",
            serde_json::json!({ "supported_architectures": line["ProcessorInfo"]["SupportedArchitectures"] }),
        ),
        ("network", serde_json::json!({ "ena_support": line["NetworkInfo"]["EnaSupport"] })),
        ("nitro_tpm_support", line["NitroTpmSupport"].clone()),
    ]);
    serde_json::from_value(serde_json::to_value(fields).unwrap()).unwrap()
}
