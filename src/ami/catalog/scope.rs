//! Whose images a Region's snapshot holds.

use crate::ids::AccountId;

/// The owner that stands for every owner. EC2 has no word for it: it means that the question names
/// no owner.
pub const ANY_OWNER: &str = "all";

/// The owners that a server is configured with, in EC2's words: `self`, `amazon`,
/// `aws-marketplace`, `aws-backup-vault`, account ids, or [`ANY_OWNER`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerScope {
    owners: Vec<String>,
    account_id: AccountId,
}

impl OwnerScope {
    /// The scope of `owners` as `account_id` sees them.
    pub fn new(owners: &[String], account_id: &AccountId) -> Self {
        Self { owners: owners.to_vec(), account_id: account_id.clone() }
    }

    /// The owners as they were configured.
    pub fn owners(&self) -> &[String] {
        &self.owners
    }

    /// The owners for EC2's question; none for all.
    pub fn for_ec2(&self) -> Vec<String> {
        if self.has_all() { Vec::new() } else { self.owners.clone() }
    }

    /// Those of `asked` that are outside. An account id is outside even if some of its images are
    /// there under an alias, because others of its images may not be.
    pub fn outside<'a>(&self, asked: &'a [String]) -> Vec<&'a str> {
        if self.has_all() {
            return Vec::new();
        }
        let own = self.account_id.as_str();
        let same = |one: &str, other: &str| one == other || is_self(one, own) && is_self(other, own);
        asked.iter().map(String::as_str).filter(|asked| !self.owners.iter().any(|known| same(known, asked))).collect()
    }

    fn has_all(&self) -> bool {
        self.owners.iter().any(|owner| owner == ANY_OWNER)
    }
}

fn is_self(owner: &str, own: &str) -> bool {
    owner == "self" || owner == own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(owners: &[&str]) -> OwnerScope {
        OwnerScope::new(&texts(owners), &"111122223333".parse().unwrap())
    }

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn what_is_outside_is_said() {
        let cases: [(&[&str], &[&str], &[&str]); 6] = [
            (&["self", "amazon"], &["self"], &[]),
            (&["self", "amazon"], &["111122223333", "amazon"], &[]),
            (&["111122223333"], &["self"], &[]),
            (&["self", "amazon"], &["amazon", "099720109477", "all"], &["099720109477", "all"]),
            (&["all"], &["all", "099720109477"], &[]),
            (&["099720109477"], &["099720109477"], &[]),
        ];
        for (owners, asked, outside) in cases {
            assert_eq!(scope(owners).outside(&texts(asked)), outside, "{owners:?} {asked:?}");
        }
    }
}
