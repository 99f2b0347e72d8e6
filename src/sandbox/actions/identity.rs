//! GetCallerIdentity of STS, which clients call on the same endpoint to learn their account.

use super::super::ACCOUNT_ID;
use crate::sandbox::wire::auth::Scope;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// The only action of STS that is served.
pub(super) const ACTION: &str = "GetCallerIdentity";

/// Who calls: a user of the sandbox's account, whatever the access key. STS is asked in whichever
/// Region a client prefers, so the Region is not checked.
pub(super) fn caller(scope: &Scope, request_id: &str) -> Result<String, Ec2Error> {
    if scope.service != "sts" {
        let message = "Credential should be scoped to correct service: 'sts'. ";
        return Err(Ec2Error::with_status(403, "SignatureDoesNotMatch", message));
    }
    let mut xml = Xml::document();
    xml.element_in("GetCallerIdentityResponse", "https://sts.amazonaws.com/doc/2011-06-15/", |xml| {
        xml.element("GetCallerIdentityResult", |xml| {
            xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT_ID}:user/sandbox"));
            xml.text("UserId", "AIDASANDBOXSANDBOXSAN");
            xml.text("Account", ACCOUNT_ID);
        });
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    Ok(xml.finish())
}
