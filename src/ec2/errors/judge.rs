//! From the SDK's error to ours: what did this one call certainly not do?
//!
//! The SDK says how a request failed, and not whether it left. A [`Transmission`] watches for
//! that: a request that was never signed, because no credentials could be had, never left; nor did
//! one whose connection was refused. Everything else may have reached EC2.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_ec2::config::ConfigBag;
use aws_sdk_ec2::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ec2::config::{Intercept, RuntimeComponents};
use aws_sdk_ec2::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{Answer, Ec2Error, Silence, meaning_of};

/// The most characters kept of EC2's message; an encoded authorization failure has up to 10,240.
const MESSAGE_CHARS_MAX: usize = 16_384;
/// The most characters kept of a chain of causes.
const DETAIL_CHARS_MAX: usize = 1_024;
/// The most characters shown of a body that is not EC2's.
const EXCERPT_CHARS_MAX: usize = 160;
/// What the quotation of a request begins with in an error of AWS's, or its credential itself; in lower
/// case (AWS General Reference, "Troubleshooting Signature Version 4 signing errors").
const QUOTED_REQUEST: [&str; 3] =
    ["the canonical string for this request", "the string-to-sign", "x-amz-security-token"];
/// How the HTTP client words any failure to connect: name resolution, refusal, TLS, time-out. Its
/// type is not ours to name. Should the words change, such a failure counts as "may have happened",
/// which is the safe side; a wire test notices.
const NOT_CONNECTED_WORDS: &str = "client error (Connect)";

/// Watches one call, with all its attempts, for the moment it is first handed to the network.
/// Clones watch the same call.
#[derive(Debug, Clone, Default)]
pub(in crate::ec2) struct Transmission {
    begun: Arc<AtomicBool>,
}

impl Intercept for Transmission {
    fn name(&self) -> &'static str {
        "Transmission"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.begun.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Transmission {
    /// Our error for the SDK's `error` of the call that was watched.
    pub(in crate::ec2) fn judge<E>(&self, error: SdkError<E, HttpResponse>) -> Ec2Error
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        judged(&error, self.begun.load(Ordering::Relaxed))
    }
}

fn judged<E>(error: &SdkError<E, HttpResponse>, begun: bool) -> Ec2Error
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Ec2Error::NotSent(chain(error)),
        SdkError::TimeoutError(_) => {
            Ec2Error::NoAnswer { silence: Silence::TimedOut, detail: chain(error), may_have_happened: begun }
        }
        // Before transmission only credentials, the endpoint and the signature are dealt with.
        SdkError::DispatchFailure(_) if !begun => {
            not_assumed(error).unwrap_or_else(|| Ec2Error::Credentials(chain(error)))
        }
        SdkError::DispatchFailure(failure) => Ec2Error::NoAnswer {
            silence: if failure.is_timeout() { Silence::TimedOut } else { Silence::ConnectionFailed },
            detail: chain(error),
            may_have_happened: !never_connected(error),
        },
        SdkError::ResponseError(failure) => unreadable(failure.raw(), chain(error)),
        SdkError::ServiceError(failure) => match failure.err().code() {
            Some(code) => answer(code, failure.err().message().unwrap_or_default(), failure.raw()),
            None => unreadable(failure.raw(), chain(error)),
        },
        _ => Ec2Error::NoAnswer { silence: Silence::ConnectionFailed, detail: chain(error), may_have_happened: begun },
    }
}

/// Why there are no credentials, if it is that the SDK could not assume the role that the client reads with.
fn not_assumed(error: &(dyn Error + 'static)) -> Option<Ec2Error> {
    let why = causes(error).find_map(|cause| cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>())?;
    // What had no connection behind it never left for STS either: the server's own credentials are missing.
    let begun = !matches!(why, SdkError::DispatchFailure(failure) if failure.is_other());
    Some(Ec2Error::NotAssumed(Box::new(judged(why, begun))))
}

fn answer(code: &str, message: &str, raw: &HttpResponse) -> Ec2Error {
    let meaning = meaning_of(code);
    Ec2Error::Answered(Answer {
        code: code.to_owned(),
        message: truncated(&without_quoted_request(message), MESSAGE_CHARS_MAX),
        class: meaning.class,
        http_status: raw.status().as_u16(),
        request_id: request_id(raw),
        remedy: meaning.remedy,
    })
}

/// The message of a signature that does not match without the request that AWS quotes in it: its
/// headers are there, and one of them is the session token, which is a credential.
fn without_quoted_request(message: &str) -> Cow<'_, str> {
    let lower = message.to_ascii_lowercase();
    match QUOTED_REQUEST.iter().filter_map(|words| lower.find(words)).min() {
        Some(at) => format!("{}(the request that AWS quotes is left out)", &message[..at]).into(),
        None => message.into(),
    }
}

/// The error for an answer that is not EC2's.
fn unreadable(raw: &HttpResponse, detail: String) -> Ec2Error {
    let excerpt = raw.body().bytes().map(excerpt).filter(|text| !text.is_empty());
    Ec2Error::Unreadable {
        http_status: raw.status().as_u16(),
        detail: match excerpt {
            Some(excerpt) => format!("{detail}; it begins with {excerpt:?}"),
            None => detail,
        },
        request_id: request_id(raw),
    }
}

/// EC2's code in the answer to one attempt, or Systems Manager's, whose answers are JSON; none if it
/// is a success, or not theirs.
pub(in crate::ec2) fn code_in(raw: &HttpResponse) -> Option<&str> {
    if raw.status().is_success() {
        return None;
    }
    let body = std::str::from_utf8(raw.body().bytes()?).ok()?;
    if let Some((_, rest)) = body.split_once("<Code>") {
        return rest.split_once('<').map(|(code, _)| code.trim());
    }
    let (_, rest) = body.split_once("\"__type\"")?;
    let code = rest.split('"').nth(1)?;
    Some(code.rsplit_once('#').map_or(code, |(_, code)| code))
}

/// The request id: in a header of every answer of EC2, and also in the body of an error.
fn request_id(raw: &HttpResponse) -> Option<String> {
    if let Some(id) = raw.headers().get("x-amzn-requestid") {
        return Some(id.to_owned());
    }
    let body = std::str::from_utf8(raw.body().bytes()?).ok()?;
    let (_, rest) = body.split_once("<RequestID>").or_else(|| body.split_once("<RequestId>"))?;
    let (id, _) = rest.split_once('<')?;
    Some(truncated(id.trim(), EXCERPT_CHARS_MAX))
}

fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(4 * EXCERPT_CHARS_MAX)];
    let text = String::from_utf8_lossy(head);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    truncated(&without_quoted_request(&words.join(" ")), EXCERPT_CHARS_MAX)
}

/// Whether the chain of causes proves that no connection was made.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let refused = cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused);
        refused || cause.to_string() == NOT_CONNECTED_WORDS
    })
}

/// Every sentence of the chain once, outermost first.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let sentence = cause.to_string();
        // Some layers repeat what they wrap.
        if !text.ends_with(&sentence) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&sentence);
        }
    }
    truncated(&text, DETAIL_CHARS_MAX)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

fn truncated(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_request_is_left_out_with_the_session_token_in_it() {
        let message = "The request signature we calculated does not match the signature you provided.\n\nThe Canonical \
                       String for this request should have been\n'POST\n/\n\nX-Amz-Security-Token:IQoJb3JpZ2lu\n'";
        let kept = without_quoted_request(message);
        assert!(kept.starts_with("The request signature") && !kept.contains("IQoJ"), "{kept}");
        assert!(!without_quoted_request("İ x-amz-security-token: IQoJ").contains("IQoJ"));
        assert_eq!(without_quoted_request("no capacity"), "no capacity");
    }
}
