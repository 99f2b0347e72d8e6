//! The calls that change the world: RunInstances, TerminateInstances, CreateTags.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::RequestId;
use aws_sdk_ec2::operation::run_instances::RunInstancesOutput;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;

use super::Client;
use crate::ec2::budget::{Priority, RunPermit, RunTurn};
use crate::ec2::call::send_once;
use crate::ec2::errors::incomplete;
use crate::ec2::facts::Reservation;
use crate::ec2::run::RunInstances;
use crate::ec2::{Ec2Error, ErrorClass, convert};
use crate::ids::InstanceId;

/// Ids in one call that changes them (EC2 API Reference, TerminateInstances and CreateTags).
const CALL_IDS_MAX: usize = 1_000;

impl Client {
    /// Waits until RunInstances may be called once, in turn and for as long as it takes. See
    /// [`RunTurn`] for what follows.
    pub async fn turn_to_run(&self) -> RunTurn {
        self.budgets().turn_to_run(self.priority).await
    }

    /// Launches instances, once: nothing below this repeats the request. `user_data` is the bytes
    /// themselves, at most 16,384 of them, not encoded. Waits for its turn first.
    ///
    /// With `dry_run` EC2 only checks permissions and always answers with an error; the one of
    /// class [`DryRunOk`](crate::ec2::ErrorClass::DryRunOk) is the good one. It is a question, whatever
    /// the priority, and takes no turn before a launch.
    ///
    /// # Errors
    /// See [`Ec2Error::definitely_nothing_happened`] for what an error says about instances. A
    /// success that names no instance, or one without a readable id, is
    /// [`Ec2Error::Unreadable`]: look for the client token. [`Ec2Error::HeldBack`] if its turn does not
    /// come within [`WAIT_MAX`](crate::ec2::budget::WAIT_MAX).
    pub async fn run_instances(
        &self,
        input: &RunInstances,
        user_data: Option<&[u8]>,
        dry_run: bool,
    ) -> Result<Reservation, Ec2Error> {
        let request = convert::run_instances(self.sdk().run_instances(), input, user_data, dry_run)?;
        if dry_run {
            let credentials = self.credentials().await?;
            let attempts = self.at(self.priority.max(Priority::Question)).pay(&request).await?;
            return reservation(send_once!(attempts, request, credentials)?);
        }
        let permit = self.budgets().permit_to_run(input.max_count, self.priority).await?;
        self.run_paid(permit, request).await
    }

    /// Launches instances as [`run_instances`](Self::run_instances) does, without a wait: its turn has
    /// come, and there are tokens for the instances. It is called in the session of the account's role that this
    /// client [acts in](Self::acting_in).
    ///
    /// # Errors
    /// As there. [`Ec2Error::NotAssumed`] if there is no such session. [`Ec2Error::NotSent`] for more instances than the permit is for.
    pub async fn run_instances_with(
        &self,
        permit: RunPermit,
        input: &RunInstances,
        user_data: Option<&[u8]>,
    ) -> Result<Reservation, Ec2Error> {
        if input.max_count > permit.count() {
            let (asked, paid) = (input.max_count, permit.count());
            return Err(Ec2Error::NotSent(format!("{asked} instances are asked for and {paid} were waited for")));
        }
        self.run_paid(permit, convert::run_instances(self.sdk().run_instances(), input, user_data, false)?).await
    }

    async fn run_paid(&self, permit: RunPermit, request: RunInstancesFluentBuilder) -> Result<Reservation, Ec2Error> {
        // Before the permit is used: without credentials nothing is asked of EC2.
        let credentials = self.credentials().await?;
        let begun = permit.begin();
        let answer = send_once!(self.paid(&request), request, credentials).and_then(reservation);
        match &answer {
            Ok(reservation) => begun.launched(reservation.instances.len()),
            Err(error) if error.class() == ErrorClass::Throttled => begun.throttled(),
            Err(error) if error.definitely_nothing_happened() => begun.launched(0),
            Err(_) => {}
        }
        answer
    }

    /// Asks EC2 to terminate the instances. It is done when they are seen to be terminated. Asking
    /// again is harmless, so a list too long for one call is asked in parts.
    ///
    /// # Errors
    /// One unknown id fails the part it is in; parts before it were accepted. NotFound right after
    /// a launch does not mean that there is no instance. [`Ec2Error::HeldBack`] if its turn does not
    /// come within [`WAIT_MAX`](crate::ec2::budget::WAIT_MAX).
    pub async fn terminate_instances(&self, ids: &[InstanceId]) -> Result<(), Ec2Error> {
        for part in ids.chunks(CALL_IDS_MAX) {
            let ids = part.iter().map(|id| id.as_str().to_owned()).collect();
            let request = self.sdk().terminate_instances().set_instance_ids(Some(ids));
            let credentials = self.credentials().await?;
            self.budgets().pay_to_terminate(part.len(), self.priority).await?;
            send_once!(self.paid(&request), request, credentials)?;
        }
        Ok(())
    }

    /// Sets tags on the instances; a tag of the same key is overwritten. Repeating it changes nothing;
    /// whoever tags does so.
    ///
    /// # Errors
    /// One unknown id fails the part it is in. [`Ec2Error::HeldBack`] as for terminations.
    pub async fn create_tags(&self, ids: &[InstanceId], tags: &BTreeMap<String, String>) -> Result<(), Ec2Error> {
        if tags.is_empty() {
            return Ok(());
        }
        for part in ids.chunks(CALL_IDS_MAX) {
            let ids = part.iter().map(|id| id.as_str().to_owned()).collect();
            let request = self.sdk().create_tags().set_resources(Some(ids)).set_tags(Some(convert::sdk_tags(tags)));
            send_once!(self.pay(&request).await?, request)?;
        }
        Ok(())
    }
}

fn reservation(answer: RunInstancesOutput) -> Result<Reservation, Ec2Error> {
    let ec2_request_id = answer.request_id().map(str::to_owned);
    let instances: Option<Vec<_>> = answer.instances.unwrap_or_default().into_iter().map(convert::instance).collect();
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
