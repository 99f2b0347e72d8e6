//! `MaxResults` and `NextToken`.
//!
//! A token names the place after the last item of a page and is bound to the request it came
//! from: EC2 does not promise what happens otherwise, and a client that mixes tokens up should
//! find out here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::errors::Ec2Error;
use super::query::Query;

/// What an action allows as MaxResults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// The error code for a value outside; it differs between actions.
    pub(crate) code: &'static str,
    /// The page size when the request names none; `None` answers everything at once.
    pub(crate) default: Option<usize>,
}

/// The page a request asks for.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) size: Option<usize>,
    /// Where the previous page ended.
    pub(crate) after: Option<String>,
    question: String,
}

const DIGEST_BYTES: usize = 12;
const TOKEN_BYTES_MAX: usize = 1024;

impl Page {
    /// Reads and checks both parameters. `scope` is whatever else a token is bound to, such as
    /// the Region.
    pub(crate) fn read(query: &Query, scope: &str, limits: PageSize) -> Result<Self, Ec2Error> {
        let root = query.root();
        let size = match root.integer("MaxResults")? {
            Some(size) if !(limits.min..=limits.max).contains(&size) => {
                let message = format!(
                    "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {} and {}.",
                    limits.min, limits.max
                );
                return Err(Ec2Error::new(limits.code, message));
            }
            Some(size) => usize::try_from(size).ok(),
            None => limits.default,
        };
        let question = format!("{scope}\n{}", query.canonical(&["MaxResults", "NextToken", "DryRun"]));
        let mut page = Self { size, after: None, question };
        if let Some(token) = root.text("NextToken").filter(|token| !token.is_empty()) {
            let position = page.position(token).ok_or_else(|| {
                Ec2Error::new("InvalidNextToken", "The token provided in NextToken is not valid for this request")
            })?;
            page.after = Some(position);
        }
        Ok(page)
    }

    /// The token for the page after `position`.
    pub(crate) fn token(&self, position: &str) -> String {
        let mut bytes = self.digest(position);
        bytes.extend_from_slice(position.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The page as a slice of an ordered list: the items of this page, and the token if there
    /// are more. `key` must be unique and ascending over the list.
    pub(crate) fn cut<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let Some(size) = self.size else { return (items.collect(), None) };
        let mut items = items.peekable();
        let page: Vec<T> = items.by_ref().take(size).collect();
        let token = match (items.peek(), page.last()) {
            (Some(_), Some(last)) => Some(self.token(&key(last))),
            _ => None,
        };
        (page, token)
    }

    fn position(&self, token: &str) -> Option<String> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (digest, position) = bytes.split_at_checked(DIGEST_BYTES)?;
        let position = std::str::from_utf8(position).ok()?;
        (digest == self.digest(position)).then(|| position.to_owned())
    }

    fn digest(&self, position: &str) -> Vec<u8> {
        let digest = Sha256::new().chain_update(&self.question).chain_update([0]).chain_update(position).finalize();
        digest[..DIGEST_BYTES].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PageSize = PageSize { min: 5, max: 100, code: "InvalidMaxResults", default: None };

    fn page(form: &str) -> Result<Page, Ec2Error> {
        Page::read(&Query::parse(form.as_bytes()).unwrap(), "sandbox-1", LIMITS)
    }

    #[test]
    fn a_token_belongs_to_its_request() {
        let first = page("Action=A&Owner.1=self&MaxResults=5").unwrap();
        let token = first.token("17");
        let next = |form: &str| page(&format!("{form}&NextToken={token}"));
        assert_eq!(next("Action=A&Owner.1=self&MaxResults=9").unwrap().after.unwrap(), "17");
        assert_eq!(next("Action=A&Owner.1=amazon&MaxResults=5").unwrap_err().code, "InvalidNextToken");
        assert_eq!(page("NextToken=AAAA").unwrap_err().code, "InvalidNextToken");
        assert_eq!(page("MaxResults=4").unwrap_err().code, "InvalidMaxResults");
    }
}
