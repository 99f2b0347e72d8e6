//! Reading why EC2 refused a call: the encoded authorization failure message in its error.
//!
//! The message says which policy denied what, which is privileged; reading it takes a permission of
//! its own, `sts:DecodeAuthorizationMessage`. So the server keeps it encoded, and whoever wants to
//! read it asks with their own credentials.

use super::call::send_unbudgeted;
use super::clients::sdk_config;
use super::errors::incomplete;
use super::{BudgetSettings, Ec2Error, Settings, Timeouts};
use crate::ids::Region;

/// What stands before the message in an error of EC2's.
const LEAD: &str = "Encoded authorization failure message: ";
/// What stands before it once it is decoded.
const DECODED_LEAD: &str = "Decoded authorization failure message: ";

/// The encoded message in an error's text, if there is one.
pub fn encoded_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(LEAD)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '+' | '/');
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|encoded| !encoded.is_empty())
}

/// The text with `document`, which is JSON, in the place of the encoded message that it is decoded from.
pub fn with_decoded(text: &str, document: &str) -> String {
    match encoded_in(text) {
        Some(encoded) => text.replace(&format!("{LEAD}{encoded}"), &format!("{DECODED_LEAD}{document}")),
        None => text.to_owned(),
    }
}

/// Decodes a message: JSON, as STS has it.
///
/// Asks STS in `region`, with the credentials of the standard chain and where the standard
/// configuration says, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_STS` included.
///
/// # Errors
/// AccessDenied without the permission; InvalidAuthorizationMessageException for a message that is not
/// whole, or of another partition; whatever else comes back instead of an answer.
pub async fn decode(encoded: &str, region: &Region) -> Result<String, Ec2Error> {
    let settings = Settings {
        regions: vec![region.clone()],
        endpoint: None,
        credentials: None,
        account_id: None,
        timeouts: Timeouts::default(),
        budget: BudgetSettings::default(),
    };
    let config = sdk_config(&settings, region).await;
    let request = aws_sdk_sts::Client::new(&config).decode_authorization_message().encoded_message(encoded);
    let answer = send_unbudgeted!(request)?;
    answer.decoded_message.ok_or_else(|| incomplete("there is no decoded message", None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_ends_where_its_letters_do() {
        for (text, expected) in [
            ("You may not. Encoded authorization failure message: AbC-_123", Some("AbC-_123")),
            ("Encoded authorization failure message: AbC (Service: Ec2)", Some("AbC")),
            ("Encoded authorization failure message: ", None),
            ("You may not.", None),
        ] {
            assert_eq!(encoded_in(text), expected, "{text}");
        }
        let text = with_decoded("No. Encoded authorization failure message: AbC. Ask.", "{}");
        assert_eq!(text, "No. Decoded authorization failure message: {}. Ask.");
        assert_eq!(with_decoded("No.", "{}"), "No.");
    }
}
