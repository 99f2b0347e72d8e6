//! The actions of STS that clients of EC2 call on the same endpoint: GetCallerIdentity, to learn their account,
//! DecodeAuthorizationMessage, to learn why EC2 refused them, and AssumeRole, to act in another account.
//!
//! STS is asked in whichever Region a client prefers, so the Region is not checked.

use super::super::Sandbox;
use super::assume_role;
use crate::sandbox::callers::{Caller, Session};
use crate::sandbox::wire::auth::Scope;
use crate::sandbox::wire::denial::{ENCODED_CHARS_MAX, decode};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Query;
use crate::sandbox::wire::xml::Xml;

/// The actions of STS that are served.
pub(super) const ACTIONS: [&str; 3] = ["AssumeRole", "DecodeAuthorizationMessage", "GetCallerIdentity"];
/// The version of STS's API, which clients name in every call; EC2's is another.
pub(super) const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// What an answer is made from.
enum Said {
    Session(Session),
    Decoded(String),
    Caller,
}

/// A request that STS does not take.
pub(super) fn validation(what: &str) -> Ec2Error {
    Ec2Error::new("ValidationError", format!("1 validation error detected: {what}"))
}

/// Answers one of them.
pub(super) fn answer(
    sandbox: &Sandbox,
    action: &str,
    query: &Query,
    (scope, caller): (&Scope, &Caller),
    request_id: &str,
) -> Result<String, Ec2Error> {
    if scope.service != "sts" {
        let message = "Credential should be scoped to correct service: 'sts'. ";
        return Err(Ec2Error::with_status(403, "SignatureDoesNotMatch", message));
    }
    let said = match action {
        "AssumeRole" => Said::Session(assume_role::assume(sandbox, caller, query)?),
        "DecodeAuthorizationMessage" => Said::Decoded(decoded(sandbox, query)?),
        _ => Said::Caller,
    };
    let mut xml = Xml::document();
    xml.element_in(&format!("{action}Response"), NAMESPACE, |xml| {
        xml.element(&format!("{action}Result"), |xml| match &said {
            Said::Decoded(message) => xml.text("DecodedMessage", message),
            Said::Session(session) => assume_role::write(xml, session),
            Said::Caller => {
                xml.text("Arn", &caller.arn());
                xml.text("UserId", &caller.user_id());
                xml.text("Account", caller.account_id.as_str());
            }
        });
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    Ok(xml.finish())
}

/// The reasons in `EncodedMessage`.
fn decoded(sandbox: &Sandbox, query: &Query) -> Result<String, Ec2Error> {
    let encoded = query.root().text("EncodedMessage").unwrap_or_default();
    if encoded.is_empty() || encoded.len() > ENCODED_CHARS_MAX {
        let message = format!(
            "1 validation error detected: Value at 'encodedMessage' failed to satisfy constraint: Member must have \
             length between 1 and {ENCODED_CHARS_MAX}"
        );
        return Err(Ec2Error::new("ValidationError", message));
    }
    decode(encoded, sandbox.seed()).ok_or_else(|| {
        Ec2Error::new("InvalidAuthorizationMessageException", "The authorization message could not be decoded.")
    })
}
