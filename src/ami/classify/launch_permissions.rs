//! Who may launch an image.
//!
//! Three kinds (EC2 User Guide, "AMI sharing", 2026-04): public, explicit (an account, an
//! organization or an organizational unit) and implicit (the owner). Only the owner can list them;
//! others can tell some of it from what EC2 shows them.

use serde::Serialize;

use super::Viewer;
use super::basis::{Conclusion, Notes, observed, observed_flag};
use crate::ec2::facts::{Image, LaunchPermission};

/// Who may launch an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LaunchPermissions {
    /// Everybody. None when EC2 does not say.
    pub public: Option<bool>,
    /// The viewer, because it was given the permission by name or through its organization. None
    /// when the facts do not tell.
    pub explicit: Option<bool>,
    /// The viewer, because it owns the image.
    pub implicit: bool,
    /// The permissions one by one, where they could be read.
    pub entries: Vec<LaunchPermission>,
    /// Whether `entries` is what there is.
    pub entries_known: bool,
}

const PERMISSIONS: &str = "image.launch_permissions";
const PUBLIC: &str = "image.public";
const OWNER: &str = "image.owner_id";

pub(super) fn conclude(
    image: &Image,
    viewer: &Viewer,
    permissions: Option<&[LaunchPermission]>,
    notes: &mut Notes,
) -> LaunchPermissions {
    let implicit = image.owner_id.as_deref() == Some(viewer.account_id.as_str());
    if implicit {
        notes.known(
            Conclusion::LaunchPermissions,
            OWNER,
            observed(image.owner_id.as_deref()),
            "The account owns the image, which is a launch permission in itself.",
        );
    }
    let public = image.public.or_else(|| permissions.map(|entries| entries.contains(&LaunchPermission::Public)));
    let seen = observed_flag(public);
    match public {
        Some(true) => notes.known(Conclusion::LaunchPermissions, PUBLIC, seen, "Everybody may launch it."),
        Some(false) => {
            notes.known(Conclusion::LaunchPermissions, PUBLIC, seen, "Only its owner and those it names may launch it.")
        }
        None => notes.unknown(Conclusion::LaunchPermissions, PUBLIC, seen, "EC2 does not say whether it is public."),
    }
    LaunchPermissions {
        public,
        explicit: explicit(image, viewer, permissions, implicit, notes),
        implicit,
        entries: permissions.unwrap_or_default().to_vec(),
        entries_known: permissions.is_some(),
    }
}

fn explicit(
    image: &Image,
    viewer: &Viewer,
    permissions: Option<&[LaunchPermission]>,
    implicit: bool,
    notes: &mut Notes,
) -> Option<bool> {
    let Some(entries) = permissions else {
        // A private image that EC2 shows to somebody other than its owner was shared with it, or
        // is a Marketplace product it subscribed to.
        let shared =
            image.public == Some(false) && !implicit && image.owner_id.is_some() && image.image_owner_alias.is_none();
        if shared {
            notes.known(
                Conclusion::LaunchPermissions,
                PUBLIC,
                observed_flag(image.public),
                "EC2 shows this private image to an account that does not own it, so it was shared with it, by name \
                 or through its organization.",
            );
            return Some(true);
        }
        notes.unknown(
            Conclusion::LaunchPermissions,
            PERMISSIONS,
            observed(None),
            "Only the owner can list launch permissions.",
        );
        return None;
    };
    let by_name =
        entries.iter().any(|entry| matches!(entry, LaunchPermission::Account(id) if id == viewer.account_id.as_str()));
    let by_organization = entries
        .iter()
        .any(|entry| matches!(entry, LaunchPermission::Organization(_) | LaunchPermission::OrganizationalUnit(_)));
    let seen = format!("{} entries", entries.len());
    if by_name {
        notes.known(Conclusion::LaunchPermissions, PERMISSIONS, seen, "The account is named in the permissions.");
        Some(true)
    } else if by_organization {
        notes.unknown(
            Conclusion::LaunchPermissions,
            PERMISSIONS,
            seen,
            "Organizations are named, and whether the account belongs to one of them is not known.",
        );
        None
    } else {
        notes.known(Conclusion::LaunchPermissions, PERMISSIONS, seen, "The account is not named in the permissions.");
        Some(false)
    }
}
