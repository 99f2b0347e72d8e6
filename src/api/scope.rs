//! Where a request is about: an account and a Region that this server serves.

use super::Services;
use super::convert::Violations;
use super::status::{Failure, Missing};
use crate::ids::{AccountId, Region};

/// An account and a Region that are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) account_id: AccountId,
    pub(super) region: Region,
}

/// Reads `region` and `account_id`. What is malformed goes to `violations`; a scope that is well
/// formed and not served is a failure of its own, NOT_FOUND, and comes after them.
///
/// An empty Region means the server's only one; with several it must be said. An empty account means that of the
/// server's own credentials.
pub(super) fn scope(
    services: &Services,
    region: &str,
    account_id: &str,
    violations: &mut Violations,
) -> Option<Result<Scope, Failure>> {
    let catalogs = &services.catalogs;
    let account: Option<AccountId> = violations.optional_id("account_id", account_id);
    let mut served = catalogs.regions();
    let region: Region = match (region, served.next(), served.next()) {
        ("", Some(only), None) => only.clone(),
        (region, ..) => violations.required_id("region", region)?,
    };
    if !account_id.is_empty() && account.is_none() {
        return None;
    }
    let account_id = account.unwrap_or_else(|| catalogs.home().account_id().clone());
    if catalogs.of(&account_id).is_none() {
        return Some(Err(Failure::NotFound(Missing::Account(account_id))));
    }
    if !catalogs.regions().any(|served| *served == region) {
        return Some(Err(Failure::NotFound(Missing::Region(region))));
    }
    Some(Ok(Scope { account_id, region }))
}
