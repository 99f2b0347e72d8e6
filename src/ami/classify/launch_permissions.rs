//! Who may launch an image.
//!
//! Three kinds (EC2 User Guide, "AMI sharing", 2026-04): public, explicit (an account, an
//! organization or an organizational unit) and implicit (the owner). Only the owner can list them;
//! others can tell some of it from what EC2 shows them.

use serde::Serialize;

use super::Viewer;
use super::basis::{Notes, known, unknown};
use super::observed::{ABSENT, Observed, fixed, observed, observed_flag};
use crate::ec2::facts::{Image, LaunchPermission};
use crate::ids::AccountId;

/// Who may launch an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LaunchPermissions {
    /// Everybody. None when EC2 does not say.
    pub public: Option<bool>,
    /// The viewer, because it was given the permission by name or through its organization. None
    /// when the facts do not tell.
    pub explicit: Option<bool>,
    /// The viewer, because it owns the image. None when the viewer or the owner is not known.
    pub implicit: Option<bool>,
    /// The permissions one by one, where they could be read.
    pub entries: Vec<LaunchPermission>,
    /// Whether `entries` is what there is.
    pub entries_known: bool,
}

const PERMISSIONS: &str = "image.launch_permissions";
const PUBLIC: &str = "image.public";
const OWNER: &str = "image.owner_id";
const ACCOUNT: &str = "account_id";

pub(super) fn conclude(
    image: &Image,
    viewer: &Viewer,
    permissions: Option<&[LaunchPermission]>,
    notes: &mut Notes,
) -> LaunchPermissions {
    let implicit = viewer.owns(image);
    match (implicit, &viewer.account_id) {
        (Some(true), _) => known!(
            notes,
            LaunchPermissions,
            OWNER,
            observed(image.owner_id.as_deref()),
            "The account owns the image, which is a launch permission in itself.",
        ),
        (Some(false), _) => {}
        (None, None) => unknown!(
            notes,
            LaunchPermissions,
            ACCOUNT,
            fixed(ABSENT),
            "For which account is not given, so whether it owns the image is not known.",
        ),
        (None, Some(_)) => {
            unknown!(notes, LaunchPermissions, OWNER, fixed(ABSENT), "EC2 does not say who owns the image.")
        }
    }
    let public = image.public.or_else(|| permissions.map(|entries| entries.contains(&LaunchPermission::Public)));
    let seen = observed_flag(public);
    match public {
        Some(true) => known!(notes, LaunchPermissions, PUBLIC, seen, "Everybody may launch it."),
        Some(false) => {
            known!(notes, LaunchPermissions, PUBLIC, seen, "Only its owner and those it names may launch it.")
        }
        None => unknown!(notes, LaunchPermissions, PUBLIC, seen, "EC2 does not say whether it is public."),
    }
    let explicit = match permissions {
        Some(entries) => by_entries(entries, viewer, notes),
        None => by_visibility(image, implicit, notes),
    };
    LaunchPermissions {
        public,
        explicit,
        implicit,
        entries: permissions.unwrap_or_default().to_vec(),
        entries_known: permissions.is_some(),
    }
}

/// A private image that EC2 shows to somebody other than its owner was shared with it, or is a
/// Marketplace product it subscribed to.
fn by_visibility(image: &Image, implicit: Option<bool>, notes: &mut Notes) -> Option<bool> {
    if image.public == Some(false) && implicit == Some(false) && image.image_owner_alias.is_none() {
        known!(
            notes,
            LaunchPermissions,
            PUBLIC,
            fixed("false"),
            "EC2 shows this private image to an account that does not own it, so it was shared with it, by name or \
             through its organization.",
        );
        return Some(true);
    }
    unknown!(notes, LaunchPermissions, PERMISSIONS, fixed(ABSENT), "Only the owner can list launch permissions.");
    None
}

fn by_entries(entries: &[LaunchPermission], viewer: &Viewer, notes: &mut Notes) -> Option<bool> {
    let seen = Observed::Entries(u32::try_from(entries.len()).unwrap_or(u32::MAX));
    let Some(account) = viewer.account_id.as_ref().map(AccountId::as_str) else {
        unknown!(
            notes,
            LaunchPermissions,
            PERMISSIONS,
            seen,
            "For which account is not given, so whether it is named is not known.",
        );
        return None;
    };
    let by_name = entries.iter().any(|entry| matches!(entry, LaunchPermission::Account(id) if id == account));
    let by_organization = entries
        .iter()
        .any(|entry| matches!(entry, LaunchPermission::Organization(_) | LaunchPermission::OrganizationalUnit(_)));
    if by_name {
        known!(notes, LaunchPermissions, PERMISSIONS, seen, "The account is named in the permissions.");
        Some(true)
    } else if by_organization {
        unknown!(
            notes,
            LaunchPermissions,
            PERMISSIONS,
            seen,
            "Organizations are named, and whether the account belongs to one of them is not known.",
        );
        None
    } else {
        known!(notes, LaunchPermissions, PERMISSIONS, seen, "The account is not named in the permissions.");
        Some(false)
    }
}
