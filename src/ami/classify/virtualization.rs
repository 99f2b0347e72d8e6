//! How the guest is virtualized: HVM or paravirtual.
//!
//! Source: EC2 User Guide, "AMI virtualization types" (2023-06 and 2026-04); the counts are from
//! the 1,395 types of `data/instance-types.jsonl`.

use serde::Serialize;

use super::basis::{Conclusion, Note, Notes, observed};
use crate::ec2::facts::Image;
use crate::record::Outcome;

/// How the guest is virtualized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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
    let seen = observed(image.virtualization_type.as_deref());
    let kind = match image.virtualization_type.as_deref() {
        Some("hvm") => {
            notes.known(
                Conclusion::Virtualization,
                FIELD,
                seen,
                "HVM runs an unmodified operating system on virtual hardware, boots by MBR or UEFI, and can use the \
                 host's hardware extensions. Every current type runs it; it is the kind to use.",
            );
            Virtualization::Hvm
        }
        Some("paravirtual") => {
            notes.known(
                Conclusion::Virtualization,
                FIELD,
                seen.clone(),
                "Paravirtual runs a modified kernel that PV-GRUB starts from a kernel image (AKI). It cannot use \
                 hardware extensions and runs on 19 types of earlier generations only.",
            );
            notes.find(Note {
                code: "PARAVIRTUAL",
                outcome: Outcome::Warn,
                field: FIELD,
                observed: seen,
                expected: "hvm",
                message: "Paravirtual: only 19 types of previous generations (C1, C3, M1, M2, M3, T1) run it, in \
                          some Regions, and none of them reaches ENA, GPUs or AVX with it."
                    .into(),
                remedy: "Use an HVM AMI of the same operating system.",
            });
            Virtualization::Paravirtual
        }
        _ => {
            notes.unknown(
                Conclusion::Virtualization,
                FIELD,
                seen,
                "EC2 does not say how the image is virtualized. Records from before 2010 lack this field.",
            );
            Virtualization::Unknown
        }
    };
    if image.architecture.as_deref() == Some("i386") {
        notes.find(Note {
            code: "ARCHITECTURE_I386",
            outcome: Outcome::Warn,
            field: "image.architecture",
            observed: "i386".into(),
            expected: "x86_64 or arm64",
            message: "A 32-bit system: only 9 types run it (t2.nano to t2.medium, t1.micro, m1.small, m1.medium, \
                      c1.medium, c3.large)."
                .into(),
            remedy: "Use a 64-bit AMI.",
        });
    }
    kind
}
