//! What can be asked for.

use std::sync::LazyLock;

use cedar_policy::EntityUid;

use super::entity::{Kind, uid};

/// Something that a policy permits or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Looking at images, instance types and launches.
    Query,
    /// Launching instances.
    Launch,
    /// Launching what policy denies.
    BreakGlass,
    /// Ending a launch, or making no further attempt of it.
    Terminate,
    /// Reading the audit log.
    ReadAudit,
    /// Reading the policy, and trying out others.
    Administer,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Launch, Self::BreakGlass, Self::Terminate, Self::ReadAudit, Self::Administer];

    /// Its name in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Launch => "launch",
            Self::BreakGlass => "break_glass",
            Self::Terminate => "terminate",
            Self::ReadAudit => "read_audit",
            Self::Administer => "administer",
        }
    }

    pub(super) fn uid(self) -> EntityUid {
        static UIDS: LazyLock<Vec<EntityUid>> =
            LazyLock::new(|| Action::ALL.iter().map(|action| uid(Kind::Action, action.as_str())).collect());
        UIDS[self as usize].clone()
    }
}
