//! The protocol of Systems Manager: `awsJson1_1`, a JSON object in the body and the action in the
//! header `X-Amz-Target`.
//!
//! A request becomes the form that EC2's protocol would have for it, so that counting, faults and
//! recordings know only one kind of request; the API's version in the form says which it was. An
//! error goes back under the names that Systems Manager has for it.

use serde_json::{Value, json};

use super::errors::Ec2Error;

/// The header that names the action.
pub(crate) const TARGET: &str = "x-amz-target";
/// The version of the API, which stands in the form and is not to be seen on the wire.
pub(crate) const VERSION: &str = "2014-11-06";
/// What the target of every action begins with.
const SERVICE: &str = "AmazonSSM.";
/// Members of a request; the largest that is served has two.
const MEMBERS_MAX: usize = 64;

/// The form of a request.
pub(crate) fn form(target: &[u8], body: &[u8]) -> Result<Vec<u8>, Ec2Error> {
    let action = std::str::from_utf8(target).ok().and_then(|target| target.strip_prefix(SERVICE));
    let Some(action) = action.filter(|action| is_word(action)) else {
        return Err(Ec2Error::new("UnknownOperationException", ""));
    };
    let parsed: Value =
        if body.is_empty() { json!({}) } else { serde_json::from_slice(body).map_err(|_| unreadable())? };
    let Value::Object(members) = parsed else { return Err(unreadable()) };
    if members.len() > MEMBERS_MAX {
        return Err(unreadable());
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &members {
        if !is_word(name) {
            return Err(unreadable());
        }
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    form.append_pair(&format!("{name}.{}", at + 1), item.as_str().ok_or_else(unreadable)?);
                }
            }
            Value::String(text) => drop(form.append_pair(name, text)),
            Value::Bool(_) | Value::Number(_) => drop(form.append_pair(name, &value.to_string())),
            Value::Object(_) => return Err(unreadable()),
        }
    }
    // Last, so that no member of the same name stands in for them.
    form.append_pair("Action", action);
    form.append_pair("Version", VERSION);
    Ok(form.finish().into_bytes())
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn unreadable() -> Ec2Error {
    Ec2Error::new("SerializationException", "")
}

/// `ValidationException`, in the words of the AWS SDKs' services.
pub(crate) fn validation(what: &str) -> Ec2Error {
    Ec2Error::new("ValidationException", format!("1 validation error detected: {what}"))
}

impl Ec2Error {
    /// Status and body of the error as Systems Manager answers it: all of a client's are 400.
    pub(crate) fn json(&self) -> (u16, String) {
        let code = match &*self.code {
            "AuthFailure" => "UnrecognizedClientException",
            "IncompleteSignature" => "IncompleteSignatureException",
            "InternalError" => "InternalServerError",
            "InvalidAction" => "UnknownOperationException",
            "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
            "SignatureDoesNotMatch" => "InvalidSignatureException",
            "UnauthorizedOperation" => "AccessDeniedException",
            "UnknownParameter" => "ValidationException",
            own => own,
        };
        let status = if self.status < 500 { 400 } else { self.status };
        // An error without words has no member for them, as ParameterNotFound has none in AWS.
        let body = if self.message.is_empty() {
            json!({ "__type": code })
        } else {
            json!({ "__type": code, "message": self.message })
        };
        (status, body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_a_form_and_cannot_name_another_action() {
        let read = |target: &str, body: &str| {
            form(target.as_bytes(), body.as_bytes()).map(|form| String::from_utf8(form).unwrap())
        };
        let good = [
            (
                r#"{"Name":"/aws/service/a b","WithDecryption":true,"X":null}"#,
                "Name=%2Faws%2Fservice%2Fa+b&WithDecryption=true",
            ),
            (r#"{"Names":["a","b"]}"#, "Names.1=a&Names.2=b"),
            (r#"{"Action":"RunInstances"}"#, "Action=RunInstances"),
        ];
        for (body, expected) in good {
            let form = read("AmazonSSM.GetParameter", body).unwrap();
            assert_eq!(form, format!("{expected}&Action=GetParameter&Version=2014-11-06"));
        }
        assert_eq!(read("AmazonSSM.GetParameter", "").unwrap(), "Action=GetParameter&Version=2014-11-06");
        for body in ["[]", "{", r#"{"a.b":"c"}"#, r#"{"Names":[1]}"#, r#"{"a":{}}"#, "\"x\""] {
            assert_eq!(read("AmazonSSM.GetParameter", body).unwrap_err().code, "SerializationException", "{body}");
        }
        for target in ["DynamoDB_20120810.GetItem", "AmazonSSM.", "AmazonSSM.Get&Action=x", ""] {
            assert_eq!(read(target, "{}").unwrap_err().code, "UnknownOperationException", "{target}");
        }
    }
}
