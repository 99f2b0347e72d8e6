//! How the guest is virtualized: HVM or paravirtual.
//!
//! Source: EC2 User Guide, "AMI virtualization types" (2023-06 and 2026-04); the counts are from
//! the 1,395 types of `data/instance-types.jsonl`.

use serde::Serialize;

use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{fixed, observed};
use crate::ec2::facts::Image;

/// How the guest is virtualized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Virtualization {
    /// An unmodified operating system on virtual hardware, with the extensions of the host.
    Hvm,
    /// A modified kernel without hardware extensions, on 19 types of earlier generations.
    Paravirtual,
    /// EC2 does not say, or says something new; records before 2010 lack it.
    Unknown,
}

const FIELD: &str = "image.virtualization_type";

pub(super) fn conclude(image: &Image, notes: &mut Notes) -> Virtualization {
    let kind = match image.virtualization_type.as_deref() {
        Some("hvm") => {
            known!(
                notes,
                Virtualization,
                FIELD,
                fixed("hvm"),
                "HVM runs an unmodified operating system on virtual hardware, boots by MBR or UEFI, and can use the \
                 host's hardware extensions. Every current type runs it; it is the kind to use.",
            );
            Virtualization::Hvm
        }
        Some("paravirtual") => {
            known!(
                notes,
                Virtualization,
                FIELD,
                fixed("paravirtual"),
                "Paravirtual runs a modified kernel that PV-GRUB starts from a kernel image (AKI). It cannot use \
                 hardware extensions and runs on 19 types of earlier generations only.",
            );
            notes.find(&findings::PARAVIRTUAL, fixed("paravirtual"));
            Virtualization::Paravirtual
        }
        _ => {
            unknown!(
                notes,
                Virtualization,
                FIELD,
                observed(image.virtualization_type.as_deref()),
                "EC2 does not say how the image is virtualized. Records from before 2010 lack this field.",
            );
            Virtualization::Unknown
        }
    };
    if image.architecture.as_deref() == Some("i386") {
        notes.find(&findings::ARCHITECTURE_I386, fixed("i386"));
    }
    kind
}
