//! Who asks, and for which Region: the credential scope of Signature Version 4.
//!
//! Any access key is good, and the signature itself is not verified: the sandbox has no secrets to
//! verify it with. What is checked is that the client signs at all, for the right service and a
//! Region that is served, because those are mistakes a client's own code can make.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::errors::Ec2Error;
use super::query::Query;

/// The part of a credential scope that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

/// Reads the scope from the `Authorization` header, or from the query of a presigned request.
pub(crate) fn scope(headers: &HeaderMap, query: &Query) -> Result<Scope, Ec2Error> {
    let credential = match headers.get(AUTHORIZATION) {
        Some(value) => {
            let text = value.to_str().map_err(|_| auth_failure())?;
            let fields = text.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(auth_failure)?;
            let field = |name: &str| {
                fields.split(',').map(str::trim).find_map(|field| field.strip_prefix(name)).filter(|v| !v.is_empty())
            };
            if field("SignedHeaders=").is_none() || field("Signature=").is_none() {
                return Err(incomplete());
            }
            field("Credential=").ok_or_else(incomplete)?.to_owned()
        }
        None => query
            .root()
            .text("X-Amz-Credential")
            .ok_or_else(|| {
                Ec2Error::with_status(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            })?
            .to_owned(),
    };
    // Access keys have no slash; the scope is key/date/region/service/aws4_request.
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        [access_key, date, region, service, "aws4_request"]
            if !access_key.is_empty() && date.len() == 8 && !region.is_empty() =>
        {
            Ok(Scope {
                access_key: (*access_key).to_owned(),
                region: (*region).to_owned(),
                service: (*service).to_owned(),
            })
        }
        _ => Err(auth_failure()),
    }
}

/// EC2's answer to credentials it cannot use.
fn auth_failure() -> Ec2Error {
    Ec2Error::with_status(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
}

fn incomplete() -> Ec2Error {
    Ec2Error::new(
        "IncompleteSignature",
        "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: Option<&str>, form: &str) -> Result<Scope, Ec2Error> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        scope(&headers, &Query::parse(form.as_bytes()).unwrap())
    }

    #[test]
    fn the_region_comes_from_the_scope() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=abc";
        let scope = read(Some(header), "").unwrap();
        assert_eq!((scope.region.as_str(), scope.service.as_str()), ("sandbox-1", "ec2"));
        let presigned = "X-Amz-Credential=AKID%2F20261001%2Feu-west-9%2Fec2%2Faws4_request";
        assert_eq!(read(None, presigned).unwrap().region, "eu-west-9");
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        for (header, code) in [
            (None, "MissingAuthenticationToken"),
            (Some("Basic dXNlcg=="), "AuthFailure"),
            (Some("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"), "IncompleteSignature"),
            (Some("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x"), "AuthFailure"),
        ] {
            assert_eq!(read(header, "").unwrap_err().code, code, "{header:?}");
        }
    }
}
