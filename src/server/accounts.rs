//! The accounts that a server serves, from its settings.

use crate::config::Config;
use crate::ec2::AccountRole;
use crate::ids::AccountId;
use crate::sandbox;

/// The roles to assume.
pub(super) fn roles(config: &Config) -> Vec<AccountRole> {
    let role = |account: &crate::config::AccountConfig| AccountRole {
        role: account.role.clone(),
        external_id: account.external_id.clone(),
        source_identity: account.source_identity,
    };
    config.accounts.iter().map(role).collect()
}

/// All accounts of a server whose own credentials are those of `home`, which comes first.
pub(super) fn served(config: &Config, home: &AccountId) -> Vec<AccountId> {
    let others = config.accounts.iter().map(|account| &account.id).filter(|id| *id != home);
    std::iter::once(home).chain(others).cloned().collect()
}

/// The accounts that the sandbox must have beside its own.
pub(super) fn of_sandbox(config: &Config) -> Vec<AccountId> {
    let ids = config.accounts.iter().map(|account| &account.id);
    ids.filter(|id| id.as_str() != sandbox::ACCOUNT_ID).cloned().collect()
}
