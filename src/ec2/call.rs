//! How one call is made: watched, and page after page.

use std::future::Future;

use super::Ec2Error;
use super::errors::page_token_repeated;

/// The most pages of one answer. EC2 may send empty pages with a token, so that results do not
/// bound them.
const PAGES_MAX: usize = 10_000;

/// Sends a request that may be repeated, inside the client's budget: the SDK's own retries apply, and
/// each counts.
macro_rules! send {
    ($client:expr, $request:expr) => {{
        let (client, request) = (&$client, $request);
        match client.pay(&request).await {
            Err(held_back) => Err(held_back),
            Ok(attempts) => {
                let transmission = $crate::ec2::errors::Transmission::default();
                let request = request.customize().interceptor(transmission.clone()).interceptor(attempts);
                request.send().await.map_err(|error| transmission.judge(error))
            }
        }
    }};
}

/// The same outside any budget, for STS, which has no bucket that a company shares with us.
macro_rules! send_unbudgeted {
    ($request:expr) => {{
        let transmission = $crate::ec2::errors::Transmission::default();
        let request = $request.customize().interceptor(transmission.clone());
        request.send().await.map_err(|error| transmission.judge(error))
    }};
}

/// Sends a request once and no more. A call that changes the world is repeated by whoever keeps
/// its record, and never behind its back: the SDK takes InsufficientInstanceCapacity, which is an
/// HTTP 500, for a hiccup. `attempts` is the receipt: it is paid for before. With `credentials` it is signed by
/// those instead of the client's.
macro_rules! send_once {
    ($attempts:expr, $request:expr) => {
        $crate::ec2::call::send_once!($attempts, $request, None)
    };
    ($attempts:expr, $request:expr, $credentials:expr) => {{
        let transmission = $crate::ec2::errors::Transmission::default();
        let mut once = ::aws_sdk_ec2::config::Builder::default()
            .retry_config(::aws_sdk_ec2::config::retry::RetryConfig::disabled());
        let credentials: Option<::aws_sdk_ec2::config::Credentials> = $credentials;
        if let Some(credentials) = credentials {
            once = once.credentials_provider(credentials);
        }
        let (attempts, request) = ($attempts, $request);
        let request = request.customize().config_override(once).interceptor(transmission.clone()).interceptor(attempts);
        request.send().await.map_err(|error| transmission.judge(error))
    }};
}

pub(super) use {send, send_once, send_unbudgeted};

/// One page of results.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// What was on it.
    pub(super) items: Vec<T>,
    /// Where the next one begins; empty counts as absent.
    pub(super) next_token: Option<String>,
}

/// Every item of every page. A page with fewer items than were asked for, or with none, is not the
/// last one while it has a token (EC2 API Reference, "Query requests", pagination).
///
/// # Errors
/// [`Ec2Error::TooMany`] beyond `limit` items; whatever `ask` fails with.
pub(super) async fn all_pages<T, F>(limit: usize, mut ask: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, Ec2Error>
where
    F: Future<Output = Result<Page<T>, Ec2Error>>,
{
    let mut items = Vec::new();
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let page = ask(token.clone()).await?;
        items.extend(page.items);
        if items.len() > limit {
            return Err(Ec2Error::TooMany { limit });
        }
        match page.next_token.filter(|next| !next.is_empty()) {
            None => return Ok(items),
            next if next == token => return Err(page_token_repeated()),
            next => token = next,
        }
    }
    Err(Ec2Error::TooMany { limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with `pages` in turn.
    async fn crawl(limit: usize, pages: &[(&[u8], Option<&str>)]) -> Result<Vec<u8>, Ec2Error> {
        let mut asked = Vec::new();
        let result = all_pages(limit, |token| {
            let (items, next_token) = pages[asked.len()];
            asked.push(token);
            async move { Ok(Page { items: items.to_vec(), next_token: next_token.map(str::to_owned) }) }
        })
        .await;
        let tokens: Vec<Option<&str>> = asked.iter().map(Option::as_deref).collect();
        let expected: Vec<Option<&str>> =
            std::iter::once(None).chain(pages.iter().map(|page| page.1)).take(asked.len()).collect();
        assert_eq!(tokens, expected, "each page is asked for by the token of the one before");
        result
    }

    #[tokio::test]
    async fn a_short_or_empty_page_is_not_the_last() {
        let pages: &[(&[u8], _)] = &[(&[1, 2], Some("a")), (&[], Some("b")), (&[3], Some("c")), (&[], None)];
        assert_eq!(crawl(10, pages).await, Ok(vec![1, 2, 3]));
    }

    #[tokio::test]
    async fn an_empty_token_ends_it() {
        assert_eq!(crawl(10, &[(&[1], Some(""))]).await, Ok(vec![1]));
    }

    #[tokio::test]
    async fn the_limit_is_what_may_be_held() {
        let pages: &[(&[u8], _)] = &[(&[1, 2], Some("a")), (&[3], None)];
        assert_eq!(crawl(3, pages).await, Ok(vec![1, 2, 3]));
        assert_eq!(crawl(2, pages).await, Err(Ec2Error::TooMany { limit: 2 }));
    }

    #[tokio::test]
    async fn a_token_that_repeats_itself_does_not_go_round_for_ever() {
        let error = crawl(10, &[(&[1], Some("a")), (&[1], Some("a"))]).await.unwrap_err();
        assert_eq!(error.code(), "EC2_ANSWER_UNREADABLE");
    }
}
