//! Whom an image's owner lets launch it: accounts, organizations and organizational units (EC2 User
//! Guide, "Understand shared AMI usage"). That everybody may is the image's `public`, and what
//! others share with this account is `Share`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

/// The organization that the sandbox's accounts are members of, led by its sister account.
pub(crate) const ORGANIZATION: &str = "arn:aws:organizations::000000000100:organization/o-5a4db0c500";
/// The organizational unit that the sandbox's accounts are in.
pub(crate) const UNIT: &str = "arn:aws:organizations::000000000100:ou/o-5a4db0c500/ou-5a4d-b0c50001";
/// Accounts, organizations and units that one image can be shared with (EC2 User Guide, "AMI
/// quotas").
pub(crate) const SHARES_MAX: usize = 1000;

/// An image's explicit launch permissions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Permissions {
    /// Account ids.
    pub(crate) users: BTreeSet<String>,
    /// ARNs of whole organizations.
    pub(crate) organizations: BTreeSet<String>,
    /// ARNs of organizational units.
    pub(crate) units: BTreeSet<String>,
}

impl Permissions {
    /// How many entities it names.
    pub(crate) fn count(&self) -> usize {
        self.users.len() + self.organizations.len() + self.units.len()
    }

    /// Whether `account` is named itself; its organization does not count.
    pub(crate) fn names(&self, account: &str) -> bool {
        self.users.contains(account)
    }

    /// Whether an account of the sandbox is named, itself or by its organization or unit, which all of them are in.
    pub(crate) fn reach(&self, account_id: &AccountId) -> bool {
        self.names(account_id.as_str()) || self.organizations.contains(ORGANIZATION) || self.units.contains(UNIT)
    }

    /// Names what `others` names, too.
    pub(crate) fn add(&mut self, others: Permissions) {
        self.users.extend(others.users);
        self.organizations.extend(others.organizations);
        self.units.extend(others.units);
    }

    /// Names nothing of what `others` names any more.
    pub(crate) fn remove(&mut self, others: &Permissions) {
        self.users.retain(|user| !others.users.contains(user));
        self.organizations.retain(|organization| !others.organizations.contains(organization));
        self.units.retain(|unit| !others.units.contains(unit));
    }
}

/// Whether `text` is an account id: twelve digits.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether `text` is the full ARN of an organization; EC2 rejects the bare id.
pub(crate) fn is_organization_arn(text: &str) -> bool {
    matches!(organizations_resource(text), Some(("organization", id)) if is_id(id, "o-"))
}

/// Whether `text` is the full ARN of an organizational unit; EC2 rejects the bare id.
pub(crate) fn is_unit_arn(text: &str) -> bool {
    organizations_resource(text).is_some_and(|(kind, path)| {
        kind == "ou"
            && path.split_once('/').is_some_and(|(organization, unit)| is_id(organization, "o-") && is_id(unit, "ou-"))
    })
}

/// Kind and path of a resource of AWS Organizations: `arn:PARTITION:organizations::ACCOUNT:KIND/PATH`.
fn organizations_resource(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let named = parts.next() == Some("arn") && parts.next().is_some_and(|partition| partition.starts_with("aws"));
    let service = parts.next() == Some("organizations") && parts.next() == Some("");
    let account = parts.next().is_some_and(is_account_id);
    let resource = parts.next()?.split_once('/')?;
    (named && service && account).then_some(resource)
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_arns_are_entities() {
        assert!(is_organization_arn(ORGANIZATION) && is_unit_arn(UNIT));
        for bad in ["o-5a4db0c500", "ou-5a4d-b0c50001", "arn:aws:organizations::1:organization/o-1", "", UNIT] {
            assert!(!is_organization_arn(bad), "{bad}");
        }
        for bad in ["arn:aws:organizations::000000000100:ou/ou-5a4d-b0c50001", ORGANIZATION, "ou-5a4d-b0c50001"] {
            assert!(!is_unit_arn(bad), "{bad}");
        }
    }
}
