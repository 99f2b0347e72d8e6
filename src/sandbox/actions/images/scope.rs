//! `Owner` and `ExecutableBy`: whose images, and launched by whom.

use crate::ids::AccountId;
use crate::sandbox::images::facts::{Image, Share};
use crate::sandbox::images::permissions::{Permissions, is_account_id};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;

/// Both parameters; of each, one value must fit.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    owners: Vec<Owner<'a>>,
    executors: Vec<Executor<'a>>,
}

impl<'a> Scope<'a> {
    /// Reads and checks both, as an account means them.
    pub(super) fn read(params: &'a Node, account_id: &'a AccountId) -> Result<Self, Ec2Error> {
        Ok(Self {
            owners: params
                .texts("Owner")
                .into_iter()
                .map(|text| Owner::read(text, account_id))
                .collect::<Result<_, _>>()?,
            executors: params
                .texts("ExecutableBy")
                .into_iter()
                .map(|text| Executor::read(text, account_id))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether an image is within.
    pub(super) fn holds(&self, image: &Image) -> bool {
        (self.owners.is_empty() || self.owners.iter().any(|owner| owner.owns(image)))
            && (self.executors.is_empty() || self.executors.iter().any(|executor| executor.may_launch(image)))
    }
}

fn malformed(text: &str) -> Ec2Error {
    let shown: String = text.chars().take(100).collect();
    Ec2Error::new("InvalidUserID.Malformed", format!("Invalid user id: \"{shown}\""))
}

/// One value of `Owner`.
#[derive(Debug)]
enum Owner<'a> {
    Account(&'a str),
    Alias(&'a str),
}

impl<'a> Owner<'a> {
    fn read(text: &'a str, account_id: &'a AccountId) -> Result<Self, Ec2Error> {
        match text {
            "self" => Ok(Self::Account(account_id.as_str())),
            "amazon" | "aws-marketplace" | "aws-backup-vault" => Ok(Self::Alias(text)),
            account if is_account_id(account) => Ok(Self::Account(account)),
            other => Err(malformed(other)),
        }
    }

    fn owns(&self, image: &Image) -> bool {
        match self {
            Self::Account(account) => image.is_owned_by(account),
            Self::Alias(alias) => image.alias.is_some_and(|own| own.as_str() == *alias),
        }
    }
}

/// One value of `ExecutableBy`. Only explicit permissions count: an owner's own do not.
#[derive(Debug)]
enum Executor<'a> {
    /// Public images.
    Everybody,
    /// This account, named itself or by its organization or unit.
    This(&'a AccountId),
    /// Another account: only images that name it itself. This account knows that of its own
    /// images alone.
    Other(&'a str),
}

impl<'a> Executor<'a> {
    fn read(text: &'a str, account_id: &'a AccountId) -> Result<Self, Ec2Error> {
        match text {
            "all" => Ok(Self::Everybody),
            text if text == "self" || text == account_id.as_str() => Ok(Self::This(account_id)),
            account if is_account_id(account) => Ok(Self::Other(account)),
            other => Err(malformed(other)),
        }
    }

    fn may_launch(&self, image: &Image) -> bool {
        match self {
            Self::Everybody => image.public,
            Self::This(own) => {
                let reach = |permissions: &Permissions| permissions.reach(own);
                image.share != Share::Nobody || image.permissions().is_some_and(reach)
            }
            Self::Other(account) => image.permissions().is_some_and(|permissions| permissions.names(account)),
        }
    }
}
