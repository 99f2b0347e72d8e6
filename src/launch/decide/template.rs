//! What there is to say about the launch template of a request, beside what the merged request says.

use super::Facts;
use super::findings::{
    IMAGE_NOT_NAMED, INSTANCE_TYPE_NOT_NAMED, LAUNCH_TEMPLATE_NOT_FOUND, LAUNCH_TEMPLATE_UNSUPPORTED,
    USER_DATA_TOO_LONG,
};
use crate::launch::template::TemplateFacts;
use crate::record::{Finding, ImageChoice, Spec};

/// Bytes of user data, before base64 (EC2 User Guide, "Run commands at launch").
const USER_DATA_BYTES_MAX: usize = 16_384;

/// That there is no such template, or what of it a launch cannot have.
pub(super) fn about_template(facts: &Facts) -> Vec<Finding> {
    match &facts.template {
        None => Vec::new(),
        Some(TemplateFacts::Missing { code, message }) => vec![Finding {
            message: format!("EC2 does not know the launch template or its version: {message}"),
            ec2_error_code: code.clone().map(Into::into),
            ..LAUNCH_TEMPLATE_NOT_FOUND.finding(code.clone().unwrap_or_default())
        }],
        Some(TemplateFacts::Merged { uncarried, user_data_bytes, .. }) => {
            let too_long = user_data_bytes.filter(|bytes| *bytes > USER_DATA_BYTES_MAX);
            let unsupported = uncarried.iter().map(|uncarried| Finding {
                field: format!("launch_template.{}", uncarried.field),
                message: format!("The launch template asks for {}, which a launch cannot have.", uncarried.field),
                ..LAUNCH_TEMPLATE_UNSUPPORTED.finding(uncarried.observed.clone())
            });
            let too_long = too_long.map(|bytes| USER_DATA_TOO_LONG.finding(format!("{bytes} bytes")));
            unsupported.chain(too_long).collect()
        }
    }
}

/// What neither the request nor its template names. Without the template nothing is known of this.
pub(super) fn not_named(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    let Some(TemplateFacts::Merged { uncarried, .. }) = &facts.template else { return Vec::new() };
    let said = |parameter: &str| uncarried.iter().any(|uncarried| uncarried.parameter() == parameter);
    let mut findings = Vec::new();
    if spec.image == ImageChoice::LaunchTemplate && !said("image_id") {
        findings.push(IMAGE_NOT_NAMED.finding(""));
    }
    if spec.instance_types.is_empty() && !said("instance_type") && !said("instance_requirements") {
        findings.push(INSTANCE_TYPE_NOT_NAMED.finding(""));
    }
    findings
}
