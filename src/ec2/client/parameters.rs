//! GetParameter of Systems Manager: AWS publishes its current AMIs as public parameters.

use super::Client;
use crate::ec2::Ec2Error;
use crate::ec2::call::send;
use crate::ec2::errors::incomplete;

/// Under this AWS keeps its public parameters; nobody else can put one there.
pub const PUBLIC_PARAMETERS: &str = "/aws/service/";

impl Client {
    /// The value of a public parameter, whose name begins with [`PUBLIC_PARAMETERS`].
    ///
    /// # Errors
    /// `ParameterNotFound` where there is none; [`Ec2Error::NotSent`] for any other name, so that
    /// an account's own parameters, which may be secrets, are never read.
    pub async fn public_parameter(&self, name: &str) -> Result<String, Ec2Error> {
        if !name.starts_with(PUBLIC_PARAMETERS) {
            return Err(Ec2Error::NotSent(format!("{name:?} is no public parameter")));
        }
        let answer = send!(self, self.ssm().get_parameter().name(name))?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value.ok_or_else(|| incomplete("the parameter has no value", None))
    }
}
