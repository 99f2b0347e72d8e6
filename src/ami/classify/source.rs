//! Where an image comes from, seen from an account.
//!
//! The owner alias comes from a list that Amazon keeps, so it proves the origin. The name proves
//! nothing: anybody can publish an image called `amzn2-ami-…` (CVE-2018-15869).

use serde::Serialize;

use super::Viewer;
use super::basis::{Conclusion, Note, Notes, observed, observed_flag};
use crate::ec2::facts::Image;
use crate::record::Outcome;

/// Where an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Amazon, or a publisher verified by it (owner alias `amazon`).
    Amazon,
    /// AWS Marketplace (owner alias `aws-marketplace`).
    Marketplace,
    /// Made by AWS Backup (owner alias `aws-backup-vault`).
    Backup,
    /// Public, from an owner without an alias. Nobody has looked at it.
    Community,
    /// Shared with the viewer by another account or organization.
    Shared,
    /// Owned by the viewer.
    Owned,
    /// The facts do not tell.
    Unknown,
}

impl Source {
    /// Every value.
    pub const ALL: [Self; 7] =
        [Self::Amazon, Self::Marketplace, Self::Backup, Self::Community, Self::Shared, Self::Owned, Self::Unknown];

    /// The word that the filter `gantry:source` knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amazon => "amazon",
            Self::Marketplace => "marketplace",
            Self::Backup => "backup",
            Self::Community => "community",
            Self::Shared => "shared",
            Self::Owned => "owned",
            Self::Unknown => "unknown",
        }
    }
}

const ALIAS: &str = "image.image_owner_alias";
const OWNER: &str = "image.owner_id";
const PUBLIC: &str = "image.public";

/// Names that begin like those of the publishers everybody launches from.
const WELL_KNOWN_NAMES: [&str; 13] = [
    "al2022-ami-",
    "al2023-ami-",
    "amzn-ami-",
    "amzn2-ami-",
    "amazon-eks-",
    "bottlerocket-aws-",
    "Windows_Server-",
    "ubuntu/images/",
    "ubuntu-",
    "RHEL-",
    "RHEL_",
    "suse-sles-",
    "debian-1",
];

pub(super) fn conclude(image: &Image, viewer: &Viewer, notes: &mut Notes) -> Source {
    let source = judge(image, viewer, notes);
    let name = image.name.as_deref().unwrap_or_default();
    if matches!(source, Source::Community | Source::Shared)
        && WELL_KNOWN_NAMES.iter().any(|known| name.starts_with(known))
    {
        notes.find(Note {
            code: "LOOK_ALIKE_NAME",
            outcome: Outcome::Warn,
            field: ALIAS,
            observed: observed(image.image_owner_alias.as_deref()),
            expected: "amazon or aws-marketplace",
            message: format!(
                "The name {name:?} begins like a well-known publisher's, but account {} is not one that Amazon \
                 vouches for. Anybody can publish an image under such a name.",
                image.owner_id.as_deref().unwrap_or("(unknown)")
            )
            .into(),
            remedy: "Check the owner's account id against the publisher's documentation, and select by owner, never \
                     by name alone.",
        });
    }
    source
}

fn judge(image: &Image, viewer: &Viewer, notes: &mut Notes) -> Source {
    let alias = image.image_owner_alias.as_deref();
    let mut known = |field, seen, meaning, source| {
        notes.known(Conclusion::Source, field, seen, meaning);
        source
    };
    if alias == Some("aws-backup-vault") {
        return known(ALIAS, observed(alias), "AWS Backup made this image.", Source::Backup);
    }
    let owner = image.owner_id.as_deref();
    if owner == Some(viewer.account_id.as_str()) {
        return known(OWNER, observed(owner), "The image belongs to this account.", Source::Owned);
    }
    match (alias, image.public) {
        (Some("amazon"), _) => {
            known(ALIAS, observed(alias), "Amazon, or a publisher that Amazon verified, owns it.", Source::Amazon)
        }
        (Some("aws-marketplace"), _) => known(
            ALIAS,
            observed(alias),
            "It is sold or given through AWS Marketplace, which needs a subscription.",
            Source::Marketplace,
        ),
        (None, Some(true)) if owner.is_some() => known(
            PUBLIC,
            observed_flag(image.public),
            "Everybody may launch it and its owner has no alias from Amazon: nobody has looked at it.",
            Source::Community,
        ),
        (None, Some(false)) if owner.is_some() => known(
            PUBLIC,
            observed_flag(image.public),
            "It is private and belongs to another account, which has shared it.",
            Source::Shared,
        ),
        _ => {
            let (field, seen) = match (alias, owner) {
                (Some(_), _) => (ALIAS, observed(alias)),
                (None, None) => (OWNER, observed(None)),
                (None, Some(_)) => (PUBLIC, observed_flag(image.public)),
            };
            notes.unknown(
                Conclusion::Source,
                field,
                seen,
                "Owner, alias and publicity do not tell where the image comes from.",
            );
            Source::Unknown
        }
    }
}
