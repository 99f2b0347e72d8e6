//! The calls that change the world: RunInstances, TerminateInstances, CreateTags.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::RequestId;

use super::Client;
use crate::ec2::call::{send, send_once};
use crate::ec2::errors::incomplete;
use crate::ec2::facts::Reservation;
use crate::ec2::run::RunInstances;
use crate::ec2::{Ec2Error, convert};
use crate::ids::InstanceId;

/// Ids in one call that changes them (EC2 API Reference, TerminateInstances and CreateTags).
const CALL_IDS_MAX: usize = 1_000;

impl Client {
    /// Launches instances, once: nothing below this repeats the request. `user_data` is the bytes
    /// themselves, at most 16,384 of them, not encoded.
    ///
    /// With `dry_run` EC2 only checks permissions and always answers with an error; the one of
    /// class [`DryRunOk`](crate::ec2::ErrorClass::DryRunOk) is the good one.
    ///
    /// # Errors
    /// See [`Ec2Error::definitely_nothing_happened`] for what an error says about instances. A
    /// success that names no instance, or one without a readable id, is
    /// [`Ec2Error::Unreadable`]: look for the client token.
    pub async fn run_instances(
        &self,
        input: &RunInstances,
        user_data: Option<&[u8]>,
        dry_run: bool,
    ) -> Result<Reservation, Ec2Error> {
        let request = convert::run_instances(self.sdk().run_instances(), input, user_data, dry_run)?;
        let answer = send_once!(request)?;
        let ec2_request_id = answer.request_id().map(str::to_owned);
        let instances: Option<Vec<_>> =
            answer.instances.unwrap_or_default().into_iter().map(convert::instance).collect();
        match instances {
            Some(instances) if !instances.is_empty() => Ok(Reservation {
                reservation_id: answer.reservation_id,
                owner_id: answer.owner_id,
                ec2_request_id,
                instances,
            }),
            _ => Err(incomplete("the reservation does not name its instances", ec2_request_id.as_deref())),
        }
    }

    /// Asks EC2 to terminate the instances. It is done when they are seen to be terminated. Asking
    /// again is harmless, so a list too long for one call is asked in parts.
    ///
    /// # Errors
    /// One unknown id fails the part it is in; parts before it were accepted. NotFound right after
    /// a launch does not mean that there is no instance.
    pub async fn terminate_instances(&self, ids: &[InstanceId]) -> Result<(), Ec2Error> {
        for part in ids.chunks(CALL_IDS_MAX) {
            let ids = part.iter().map(|id| id.as_str().to_owned()).collect();
            send_once!(self.sdk().terminate_instances().set_instance_ids(Some(ids)))?;
        }
        Ok(())
    }

    /// Sets tags on the instances; a tag of the same key is overwritten. Repeating it changes
    /// nothing, so the SDK may.
    ///
    /// # Errors
    /// One unknown id fails the part it is in.
    pub async fn create_tags(&self, ids: &[InstanceId], tags: &BTreeMap<String, String>) -> Result<(), Ec2Error> {
        if tags.is_empty() {
            return Ok(());
        }
        for part in ids.chunks(CALL_IDS_MAX) {
            let ids = part.iter().map(|id| id.as_str().to_owned()).collect();
            send!(self.sdk().create_tags().set_resources(Some(ids)).set_tags(Some(convert::sdk_tags(tags))))?;
        }
        Ok(())
    }
}
