//! DescribeLaunchTemplateVersions.

use super::Client;
use crate::ec2::call::send;
use crate::ec2::errors::incomplete;
use crate::ec2::template::{LaunchTemplate, TemplateName};
use crate::ec2::{Ec2Error, convert};

impl Client {
    /// One version of a launch template, by its number, `$Latest` or `$Default`; none if EC2 answers with
    /// none.
    ///
    /// # Errors
    /// Of the class [`NotFound`](crate::ec2::ErrorClass::NotFound) if there is no such template or no such
    /// version. An answer that does not say which version it is, or that is of several, is unreadable.
    pub async fn launch_template(
        &self,
        name: TemplateName<'_>,
        version: &str,
    ) -> Result<Option<LaunchTemplate>, Ec2Error> {
        let request = self.sdk().describe_launch_template_versions().versions(version);
        let request = match name {
            TemplateName::Id(id) => request.launch_template_id(id),
            TemplateName::Name(name) => request.launch_template_name(name),
        };
        let answer = send!(self, request)?;
        let mut versions = answer.launch_template_versions.unwrap_or_default();
        let Some(version) = versions.pop() else { return Ok(None) };
        let only = Some(version).filter(|_| versions.is_empty()).and_then(convert::launch_template);
        only.map(Some).ok_or_else(|| incomplete("the answer is not one version of a launch template", None))
    }
}
