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
    /// Where the previous page ended; empty if nothing has been given out yet.
    pub(crate) after: Option<String>,
    /// Most items that this call may put on a page, even none: EC2 answers short and empty pages
    /// that are not the last ones (EC2 Developer Guide, "Pagination"). It belongs to one call and
    /// is not in the token. Requests that do not page are answered whole whatever the cap says,
    /// as EC2 does, because they do not look for a token.
    pub(crate) cap: Option<usize>,
    /// How many empty pages in a row led here.
    empty_before: u32,
    question: String,
}

const DIGEST_BYTES: usize = 12;
/// The number of empty pages, big-endian.
const COUNT_BYTES: usize = 4;
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
        let mut page = Self { size, after: None, cap: None, empty_before: 0, question };
        if let Some(token) = root.text("NextToken").filter(|token| !token.is_empty()) {
            let (empty_before, position) = page.position(token).ok_or_else(|| {
                Ec2Error::new("InvalidNextToken", "The token provided in NextToken is not valid for this request")
            })?;
            page.empty_before = empty_before;
            page.after = Some(position);
        }
        Ok(page)
    }

    /// The token for the page after `position`.
    pub(crate) fn token(&self, position: &str) -> String {
        self.token_after(position, 0)
    }

    fn token_after(&self, position: &str, empty_before: u32) -> String {
        let mut place = empty_before.to_be_bytes().to_vec();
        place.extend_from_slice(position.as_bytes());
        let mut bytes = self.digest(&place);
        bytes.extend_from_slice(&place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The page as a slice of an ordered list: the items of this page, and the token if there
    /// are more. `key` must be unique and ascending over the list.
    ///
    /// A page capped at nothing ends where it began. Its token counts the empty pages, so that it
    /// differs from the one it was asked with: botocore's paginators give up on a token that comes
    /// twice, and EC2 never repeats one.
    pub(crate) fn cut<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let Some(size) = self.size else { return (items.collect(), None) };
        let mut items = items.peekable();
        let page: Vec<T> = items.by_ref().take(self.cap.unwrap_or(size).min(size)).collect();
        let token = items.peek().map(|_| match page.last() {
            Some(last) => self.token(&key(last)),
            None => self.token_after(self.after.as_deref().unwrap_or_default(), self.empty_before.wrapping_add(1)),
        });
        (page, token)
    }

    fn position(&self, token: &str) -> Option<(u32, String)> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (digest, place) = bytes.split_at_checked(DIGEST_BYTES)?;
        if digest != self.digest(place) {
            return None;
        }
        let (empty_before, position) = place.split_first_chunk::<COUNT_BYTES>()?;
        Some((u32::from_be_bytes(*empty_before), std::str::from_utf8(position).ok()?.to_owned()))
    }

    fn digest(&self, place: &[u8]) -> Vec<u8> {
        let digest = Sha256::new().chain_update(&self.question).chain_update([0]).chain_update(place).finalize();
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

    #[test]
    fn a_capped_page_has_a_token_of_its_own_and_loses_nothing() {
        let cut = |page: &Page| {
            let after = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
            page.cut((1..=12).filter(|item| *item > after), u32::to_string)
        };
        let (mut found, mut tokens) = (Vec::new(), Vec::new());
        let mut form = "MaxResults=5".to_owned();
        for cap in [Some(0), Some(0), Some(2), None, Some(0), Some(0), Some(9), None] {
            let mut page = page(&form).unwrap();
            page.cap = cap;
            let (items, token) = cut(&page);
            assert_eq!(items.len(), cap.unwrap_or(5).min(5).min(12 - found.len()));
            found.extend(items);
            let Some(token) = token else { break };
            assert!(!tokens.contains(&token), "a token comes once");
            form = format!("MaxResults=5&NextToken={token}");
            tokens.push(token);
        }
        assert_eq!((found, tokens.len()), ((1..=12).collect(), 6));
        let mut whole = page("").unwrap();
        whole.cap = Some(0);
        assert_eq!(cut(&whole).0.len(), 12, "who does not page gets everything");
    }
}
