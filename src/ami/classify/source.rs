//! Where an image comes from, seen from an account.
//!
//! The owner alias comes from a list that Amazon keeps, so it proves the origin. The name proves
//! nothing: anybody can publish an image called `amzn2-ami-…` (CVE-2018-15869).

use serde::Serialize;

use super::basis::{Notes, known, unknown};
use super::findings;
use super::observed::{ABSENT, Observed, fixed, observed, observed_flag};
use super::{Viewer, look_alike};
use crate::ec2::facts::Image;

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
const ACCOUNT: &str = "account_id";
const NOT_TOLD: &str = "Owner, alias and publicity do not tell where the image comes from.";

pub(super) fn conclude(image: &Image, viewer: &Viewer, notes: &mut Notes) -> Source {
    let source = judge(image, viewer, notes);
    // Without an account an image of its own cannot be told from others'; that its owner has no
    // alias is true all the same.
    let unvouched = match source {
        Source::Community | Source::Shared => true,
        Source::Unknown => viewer.account_id.is_none() && image.image_owner_alias.is_none(),
        Source::Amazon | Source::Marketplace | Source::Backup | Source::Owned => false,
    };
    if unvouched
        && let (Some(name), Some(owner)) = (image.name.as_deref(), image.owner_id.as_deref())
        && let Some(publisher) = look_alike::publisher(name, owner)
    {
        let seen = format!("{name}, of account {owner}; like the names of {publisher}");
        notes.find(&findings::LOOK_ALIKE_NAME, Observed::Text(seen.into()));
    }
    source
}

fn judge(image: &Image, viewer: &Viewer, notes: &mut Notes) -> Source {
    let alias = image.image_owner_alias.as_deref();
    let owned = viewer.owns(image);
    match (alias, image.public) {
        (Some("aws-backup-vault"), _) => {
            known!(notes, Source, ALIAS, fixed("aws-backup-vault"), "AWS Backup made this image.");
            Source::Backup
        }
        _ if owned == Some(true) => {
            let seen = observed(image.owner_id.as_deref());
            known!(notes, Source, OWNER, seen, "The image belongs to this account.");
            Source::Owned
        }
        (Some("amazon"), _) => {
            known!(notes, Source, ALIAS, fixed("amazon"), "Amazon, or a publisher that Amazon verified, owns it.");
            Source::Amazon
        }
        (Some("aws-marketplace"), _) => {
            known!(
                notes,
                Source,
                ALIAS,
                fixed("aws-marketplace"),
                "It is sold or given through AWS Marketplace, which needs a subscription.",
            );
            Source::Marketplace
        }
        (None, Some(true)) if owned.is_some() => {
            known!(
                notes,
                Source,
                PUBLIC,
                fixed("true"),
                "Everybody may launch it and its owner has no alias from Amazon: nobody has looked at it.",
            );
            Source::Community
        }
        (None, Some(false)) if owned.is_some() => {
            known!(
                notes,
                Source,
                PUBLIC,
                fixed("false"),
                "It is private and belongs to another account, which has shared it.",
            );
            Source::Shared
        }
        _ => {
            match (alias, &viewer.account_id) {
                (Some(_), _) => unknown!(notes, Source, ALIAS, observed(alias), NOT_TOLD),
                (None, None) => unknown!(
                    notes,
                    Source,
                    ACCOUNT,
                    fixed(ABSENT),
                    "For which account is not given, so whether it owns the image is not known.",
                ),
                (None, Some(_)) if image.owner_id.is_none() => {
                    unknown!(notes, Source, OWNER, fixed(ABSENT), NOT_TOLD);
                }
                (None, Some(_)) => unknown!(notes, Source, PUBLIC, observed_flag(image.public), NOT_TOLD),
            }
            Source::Unknown
        }
    }
}
