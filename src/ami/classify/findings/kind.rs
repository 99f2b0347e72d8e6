//! Findings about what kind of image it is.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(super) const GROUP: FindingGroup = FindingGroup {
    title: "What kind of image it is",
    about: "Old kinds of images still exist in every Region and look like any other in a list.",
    rules: &[&NOT_A_MACHINE_IMAGE, &INSTANCE_STORE_ROOT, &PARAVIRTUAL, &ARCHITECTURE_I386],
};

pub(in crate::ami::classify) static NOT_A_MACHINE_IMAGE: FindingRule = FindingRule {
    code: "NOT_A_MACHINE_IMAGE",
    outcome: Outcome::Fail,
    field: "image.image_type",
    expected: "machine",
    means: "It holds a kernel or a RAM disk for paravirtual images, not a machine.",
    remedy: "Choose an image of type machine.",
    source: "EC2 API Reference, Image",
};

pub(in crate::ami::classify) static INSTANCE_STORE_ROOT: FindingRule = FindingRule {
    code: "INSTANCE_STORE_ROOT",
    outcome: Outcome::Warn,
    field: "image.root_device_type",
    expected: "ebs",
    means: "Instance-store-backed: it boots slowly, cannot be stopped, and loses everything when the instance \
            ends. AWS has ended support, and only 33 types of nine earlier families (C1, C3, D2, I2, M1, M2, M3, \
            R3, X1) boot it.",
    remedy: "Make an EBS-backed AMI: start an instance, copy its root to an EBS volume, and register a snapshot \
             of it.",
    source: "EC2 User Guide, Root volumes for your Amazon EC2 instances",
};

pub(in crate::ami::classify) static PARAVIRTUAL: FindingRule = FindingRule {
    code: "PARAVIRTUAL",
    outcome: Outcome::Warn,
    field: "image.virtualization_type",
    expected: "hvm",
    means: "Paravirtual: only 19 types of previous generations (C1, C3, M1, M2, M3, T1) run it, in some Regions, \
            and none of them reaches ENA, GPUs or AVX with it.",
    remedy: "Use an HVM AMI of the same operating system.",
    source: "EC2 User Guide, AMI virtualization types",
};

pub(in crate::ami::classify) static ARCHITECTURE_I386: FindingRule = FindingRule {
    code: "ARCHITECTURE_I386",
    outcome: Outcome::Warn,
    field: "image.architecture",
    expected: "x86_64 or arm64",
    means: "A 32-bit system: only 9 types run it (t2.nano to t2.medium, t1.micro, m1.small, m1.medium, \
            c1.medium, c3.large).",
    remedy: "Use a 64-bit AMI.",
    source: "EC2 API Reference, ProcessorInfo",
};
