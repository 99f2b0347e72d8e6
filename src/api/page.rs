//! Pages (AIP-158): how many entries, and where to go on.
//!
//! A token is a small JSON text in base64url: a format version, a digest of the request it belongs
//! to, and whatever the method needs to go on. It is opaque to callers and not secret: it says
//! nothing that the caller did not get already, and a forged one can only skip or repeat entries of
//! the forger's own list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::convert::{ViolationReason, Violations};
use super::pb;
use crate::ids::Sha256Digest;

/// The version of the token format that this program writes and reads.
const TOKEN_VERSION: u32 = 1;

/// Bytes of a token that is looked at at all.
const TOKEN_BYTES_MAX: usize = 4_096;

/// How many hexadecimal digits of the request's digest a token carries: enough that two different
/// requests of one caller do not meet by accident.
const DIGEST_DIGITS: usize = 32;

/// How large the pages of a method are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSizes {
    /// For a page size of 0.
    pub default: usize,
    /// Above which a page size is lowered to this.
    pub max: usize,
}

/// A request for a page of something.
pub trait Paged: Message + Clone + Default {
    /// The name of the message, so that tokens of two methods never fit each other.
    const NAME: &'static str;

    /// The sizes that the contract promises.
    const SIZES: PageSizes;

    /// `page_size` as given.
    fn page_size(&self) -> i32;

    /// `page_token` as given.
    fn page_token(&self) -> &str;

    /// The request without both: what a token belongs to.
    fn without_page(&self) -> Self;
}

macro_rules! paged {
    ($($request:ident: $default:literal to $max:literal),* $(,)?) => {$(
        impl Paged for pb::$request {
            const NAME: &'static str = stringify!($request);
            const SIZES: PageSizes = PageSizes { default: $default, max: $max };

            fn page_size(&self) -> i32 {
                self.page_size
            }

            fn page_token(&self) -> &str {
                &self.page_token
            }

            fn without_page(&self) -> Self {
                Self { page_size: 0, page_token: String::new(), ..self.clone() }
            }
        }
    )*};
}

paged! {
    ListImagesRequest: 50 to 200,
    CheckCompatibilityRequest: 100 to 500,
    ListInstanceTypesRequest: 100 to 1_000,
    ListLaunchesRequest: 50 to 200,
    ListRecordsRequest: 100 to 1_000,
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<C> {
    /// At most so many entries.
    pub size: usize,
    /// Where to go on; none is the beginning.
    pub after: Option<C>,
}

#[derive(Serialize, Deserialize)]
struct Token<C> {
    #[serde(rename = "v")]
    version: u32,
    #[serde(rename = "r")]
    request: String,
    #[serde(rename = "c")]
    cursor: C,
}

/// The page that `request` asks for.
pub fn page<R: Paged, C: DeserializeOwned>(request: &R, violations: &mut Violations) -> Page<C> {
    let size = match usize::try_from(request.page_size()) {
        Ok(0) => R::SIZES.default,
        Ok(size) => size.min(R::SIZES.max),
        Err(_) => {
            violations.add(
                "page_size",
                ViolationReason::InvalidPageSize,
                format!("{} is negative", request.page_size()),
            );
            R::SIZES.default
        }
    };
    let after = if request.page_token().is_empty() {
        None
    } else {
        let cursor = read_token(request);
        if let Err(wrong) = &cursor {
            violations.add("page_token", ViolationReason::InvalidPageToken, *wrong);
        }
        cursor.ok()
    };
    Page { size, after }
}

/// The token with which `request` goes on at `cursor`.
pub fn next_page_token<R: Paged, C: Serialize>(request: &R, cursor: &C) -> String {
    let token = Token { version: TOKEN_VERSION, request: digest(request), cursor };
    let json = serde_json::to_vec(&token).expect("a cursor has string keys only and no failing serialiser");
    URL_SAFE_NO_PAD.encode(json)
}

fn read_token<R: Paged, C: DeserializeOwned>(request: &R) -> Result<C, &'static str> {
    const MALFORMED: &str = "not a page token of this service";
    let text = request.page_token();
    if text.len() > TOKEN_BYTES_MAX {
        return Err(MALFORMED);
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| MALFORMED)?;
    // The outer part first: a token of another method has another cursor and should still be told
    // from garbage.
    let outer: Token<serde_json::Value> = serde_json::from_slice(&json).map_err(|_| MALFORMED)?;
    if outer.version != TOKEN_VERSION {
        return Err("a page token of another version of this service; begin again");
    }
    if outer.request != digest(request) {
        return Err("the page token belongs to a request with other fields; only page_size may change");
    }
    serde_json::from_value(outer.cursor).map_err(|_| MALFORMED)
}

fn digest<R: Paged>(request: &R) -> String {
    let mut bytes = R::NAME.as_bytes().to_vec();
    bytes.push(0);
    request.without_page().encode(&mut bytes).expect("a vector grows as far as is needed");
    let mut digest = Sha256Digest::of(&bytes).to_string();
    digest.truncate(DIGEST_DIGITS);
    digest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(region: &str, page_size: i32, page_token: String) -> pb::ListImagesRequest {
        pb::ListImagesRequest { region: region.to_owned(), page_size, page_token, ..Default::default() }
    }

    fn first_violation<R: Paged>(request: &R) -> Option<ViolationReason> {
        let mut violations = Violations::new();
        let _: Page<u64> = page(request, &mut violations);
        violations.kept().first().map(|violation| violation.reason)
    }

    #[test]
    fn sizes_are_filled_in_lowered_and_refused_as_the_contract_says() {
        for (given, size) in [(0, 50), (1, 1), (200, 200), (201, 200), (i32::MAX, 200)] {
            let mut violations = Violations::new();
            let page: Page<u64> = page(&request("us-east-1", given, String::new()), &mut violations);
            assert_eq!((page.size, page.after, violations.is_empty()), (size, None, true));
        }
        let negative = request("us-east-1", -1, String::new());
        assert_eq!(first_violation(&negative), Some(ViolationReason::InvalidPageSize));
    }

    #[test]
    fn a_token_goes_on_in_its_own_request_and_in_no_other() {
        let token = next_page_token(&request("us-east-1", 10, String::new()), &7_u64);
        let mut violations = Violations::new();
        let next: Page<u64> = page(&request("us-east-1", 20, token.clone()), &mut violations);
        assert_eq!((next.after, violations.is_empty()), (Some(7), true));

        assert_eq!(first_violation(&request("us-west-2", 10, token.clone())), Some(ViolationReason::InvalidPageToken));
        let other_method =
            pb::ListInstanceTypesRequest { region: "us-east-1".to_owned(), page_token: token, ..Default::default() };
        assert_eq!(first_violation(&other_method), Some(ViolationReason::InvalidPageToken));
    }

    #[test]
    fn a_cursor_of_another_shape_is_malformed() {
        let request = request("us-east-1", 0, String::new());
        let page_token = next_page_token(&request, &"seven");
        assert_eq!(
            first_violation(&pb::ListImagesRequest { page_token, ..request }),
            Some(ViolationReason::InvalidPageToken)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_token_panic(text in ".{1,200}") {
            prop_assert_eq!(first_violation(&request("r", 0, text)), Some(ViolationReason::InvalidPageToken));
        }

        #[test]
        fn no_json_makes_reading_a_token_panic(json in "[\\[\\]{}\",:vrc01a-f]{1,60}") {
            let token = URL_SAFE_NO_PAD.encode(&json);
            let seen = first_violation(&request("r", 0, token));
            prop_assert_eq!(seen, Some(ViolationReason::InvalidPageToken));
        }
    }
}
