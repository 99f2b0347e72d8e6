//! Launches from a launch template: the version is read, pinned to its number and merged into what was
//! asked, and all that comes after knows the merged request only. RunInstances is given no template, so
//! that nothing can change between the decision and the call.

mod merge;

use super::redact::{Asked, Prepared};
use super::{LaunchError, LaunchRequest, Shared};
use crate::ec2::template::{LaunchTemplate, TemplateName, Uncarried};
use crate::ec2::{Ec2Error, ErrorClass};
use crate::record::{Spec, TemplateChoice, TemplateReference, TemplateSource};

use merge::{Merged, merge};

/// What was found out about the launch template that a request names.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateFacts {
    /// EC2 knows no such template, or no such version of it.
    Missing {
        /// EC2's code, if it answered with an error.
        code: Option<String>,
        /// EC2's message.
        message: String,
    },
    /// It was merged.
    Merged {
        /// Its id.
        launch_template_id: String,
        /// Its name.
        launch_template_name: Option<String>,
        /// The number of the version.
        version_number: u64,
        /// What of it has no place in a launch.
        uncarried: Vec<Uncarried>,
        /// How many bytes of user data the launch has from it.
        user_data_bytes: Option<usize>,
    },
}

/// A request whose template has been merged into it.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    /// The request, with the merged spec and with the template's user data where it gave none itself.
    pub(super) request: LaunchRequest,
    /// What of it stands in the log.
    pub(super) prepared: Prepared<'a>,
    /// What was found out.
    pub(super) facts: TemplateFacts,
}

impl Shared {
    /// The request with its launch template merged into it; none if it names none. Where there is no such
    /// template the spec stays as it was asked.
    ///
    /// # Errors
    /// If EC2 could not be asked.
    pub(super) async fn whole<'a>(
        &self,
        request: &LaunchRequest,
        prepared: &Prepared<'a>,
    ) -> Result<Option<Whole<'a>>, LaunchError> {
        let Some(choice) = &request.spec.launch_template else { return Ok(None) };
        let (merged, facts) = match self.read(&request.spec, choice).await {
            Ok(Some(template)) => {
                let merged = merge(&request.spec, choice, &template);
                let facts = facts_of(template, &merged);
                (merged, facts)
            }
            Ok(None) => {
                let message = "it shows no such version.".to_owned();
                (Merged::nothing(&request.spec), TemplateFacts::Missing { code: None, message })
            }
            Err(error) if error.class() == ErrorClass::NotFound => {
                let facts = TemplateFacts::Missing { code: Some(error.code().to_owned()), message: error.message() };
                (Merged::nothing(&request.spec), facts)
            }
            Err(error) => return Err(LaunchError::Facts(error)),
        };
        let user_data = merged.user_data.or_else(|| request.user_data.clone());
        let request = LaunchRequest { spec: merged.spec, user_data, ..request.clone() };
        let prepared = prepared.merged(&request);
        Ok(Some(Whole { request, prepared, facts }))
    }

    async fn read(&self, spec: &Spec, choice: &TemplateChoice) -> Result<Option<LaunchTemplate>, Ec2Error> {
        let name = match &choice.template {
            TemplateReference::Id(id) => TemplateName::Id(id),
            TemplateReference::Name(name) => TemplateName::Name(name),
        };
        match self.client(&spec.account_id, &spec.region) {
            Ok(client) => client.launch_template(name, &choice.version).await,
            // The edge has looked at the Region; what it let through is served.
            Err(error) => Err(Ec2Error::NotSent(error.to_string())),
        }
    }
}

fn facts_of(template: LaunchTemplate, merged: &Merged) -> TemplateFacts {
    TemplateFacts::Merged {
        launch_template_id: template.launch_template_id,
        launch_template_name: template.launch_template_name,
        version_number: template.version_number,
        uncarried: merged.uncarried.clone(),
        user_data_bytes: merged.user_data.as_ref().map(Vec::len),
    }
}

/// What the log remembers of the template, beside the merged spec.
pub(super) fn source(asked: Asked, facts: Option<&TemplateFacts>) -> TemplateSource {
    let Asked { spec, merged_sha256 } = asked;
    let (launch_template_id, launch_template_name, version_number) = match facts {
        Some(TemplateFacts::Merged { launch_template_id, launch_template_name, version_number, .. }) => {
            (Some(launch_template_id.clone()), launch_template_name.clone(), Some(*version_number))
        }
        Some(TemplateFacts::Missing { .. }) | None => (None, None, None),
    };
    TemplateSource { asked: Box::new(spec), launch_template_id, launch_template_name, version_number, merged_sha256 }
}
