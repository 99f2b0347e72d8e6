//! Requests that never reach a service, because tonic cannot read their message.
//!
//! tonic answers those itself, with INTERNAL or OUT_OF_RANGE and without details. To a caller they
//! are bad requests like any other, so they are told so in the same form. Only these are rewritten:
//! what else tonic says, such as an unknown method, keeps its code.

use axum::response::Response;
use tonic::{Code, Status};

use super::REQUEST_BYTES_MAX;
use crate::api::convert::{ViolationReason, Violations};
use crate::api::status::Failure;

/// How prost begins the message of a decoding error.
const UNDECODABLE: &str = "failed to decode Protobuf message: ";

/// How tonic begins the message about a length prefix above the limit.
const TOO_LONG: &str = "Error, decoded message length too large";

/// How tonic begins the message about a compressed message that grows above the limit.
const TOO_LONG_UNPACKED: &str = "Error decompressing: size limit";

/// How tonic begins the message about compressed bytes that are not what they claim to be.
const NOT_UNPACKABLE: &str = "Error decompressing: ";

/// The answer as it is, or in the form of our own errors if it is about an unreadable message.
pub(super) async fn in_our_form(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // Our own errors have details. Reading a status back is only sound without them: tonic panics
    // on details that are not base64.
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return response;
    }
    let Some(violations) = Status::from_header_map(headers).as_ref().and_then(unreadable) else { return response };
    // The rewritten status is plain ASCII and base64, so the headers cannot refuse it; if they did,
    // the caller would still have tonic's own.
    let _ = Status::from(Failure::Invalid(violations)).add_header(headers);
    response
}

/// What is wrong with the message, if that is what the status says. tonic tells its reasons apart by
/// text only; a test over the wire notices if the text changes.
fn unreadable(status: &Status) -> Option<Violations> {
    let message = status.message();
    let mut violations = Violations::new();
    match status.code() {
        Code::OutOfRange if message.starts_with(TOO_LONG) => {
            violations.add("", ViolationReason::LimitExceeded, too_long())
        }
        Code::ResourceExhausted if message.starts_with(TOO_LONG_UNPACKED) => {
            violations.add("", ViolationReason::LimitExceeded, too_long());
        }
        Code::Internal => {
            let why = message.strip_prefix(UNDECODABLE).or_else(|| message.strip_prefix(NOT_UNPACKABLE))?;
            violations.add(
                "",
                ViolationReason::InvalidField,
                format!("the request cannot be decoded ({why}): encode it by this server's version of the contract"),
            );
        }
        _ => return None,
    }
    Some(violations)
}

fn too_long() -> String {
    format!("the request has more than {REQUEST_BYTES_MAX} bytes, which is the limit: send less in one call")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    #[tokio::test]
    async fn only_what_tonic_cannot_read_is_rewritten() {
        let own = || Status::from(Failure::PageTokenExpired);
        let table = [
            (Status::internal(format!("{UNDECODABLE}invalid varint")), Code::InvalidArgument, Some("INVALID_FIELD")),
            (Status::internal(format!("{NOT_UNPACKABLE}corrupt")), Code::InvalidArgument, Some("INVALID_FIELD")),
            (Status::out_of_range(format!("{TOO_LONG}: 9")), Code::InvalidArgument, Some("LIMIT_EXCEEDED")),
            (Status::resource_exhausted(TOO_LONG_UNPACKED), Code::InvalidArgument, Some("LIMIT_EXCEEDED")),
            (Status::internal("h2 protocol error"), Code::Internal, None),
            (Status::unimplemented(""), Code::Unimplemented, None),
            (own(), own().code(), Some("PAGE_TOKEN_EXPIRED")),
        ];
        for (given, code, reason) in table {
            let answer = in_our_form(given.into_http()).await;
            let status = Status::from_header_map(answer.headers()).unwrap();
            assert_eq!(status.code(), code);
            assert_eq!(status.get_details_error_info().map(|info| info.reason).as_deref(), reason);
        }
        assert!(in_our_form(Response::default()).await.headers().is_empty(), "success is left alone");
    }
}
