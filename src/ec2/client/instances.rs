//! DescribeInstances, DescribeInstanceStatus and GetConsoleOutput.

use super::{Client, FILTER_VALUES_MAX, filter};
use crate::ec2::call::{Page, all_pages, send};
use crate::ec2::errors::incomplete;
use crate::ec2::facts::{ConsoleOutput, Instance, InstanceStatus};
use crate::ec2::{Ec2Error, convert};
use crate::ids::{ClientToken, InstanceId};

/// Instances on one page, EC2's maximum.
const PAGE_INSTANCES_MAX: i32 = 1_000;
/// More instances than one question is held for.
const INSTANCES_MAX: usize = 50_000;
/// Ids that DescribeInstanceStatus takes.
pub const CALL_STATUS_IDS_MAX: usize = 100;
/// Calls that it may take to find out which of so many EC2 does not know yet.
const SPLIT_CALLS_MAX: usize = 16;

impl Client {
    /// The instances of these ids that EC2 shows. One that it does not show, because it is too new
    /// or long gone, is missing from the answer: asked by filter and not by id, it does not fail
    /// the others.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, Ec2Error> {
        let mut found = Vec::new();
        for part in ids.chunks(FILTER_VALUES_MAX) {
            found.extend(self.instances_where("instance-id", part.iter().map(InstanceId::as_str)).await?);
        }
        Ok(found)
    }

    /// The instances that a RunInstances call under this token made. None is no proof that it made
    /// none: new instances become visible late.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn instances_by_client_token(&self, token: &ClientToken) -> Result<Vec<Instance>, Ec2Error> {
        self.instances_where("client-token", [token.as_str()]).await
    }

    /// The instances that have this tag with this value, in which `*` and `?` are wildcards.
    ///
    /// # Errors
    /// [`Ec2Error::TooMany`] beyond 50,000.
    pub async fn instances_by_tag(&self, key: &str, value: &str) -> Result<Vec<Instance>, Ec2Error> {
        self.instances_where(&format!("tag:{key}"), [value]).await
    }

    async fn instances_where(
        &self,
        name: &str,
        values: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<Instance>, Ec2Error> {
        let request = self.sdk().describe_instances().filters(filter(name, values)).max_results(PAGE_INSTANCES_MAX);
        all_pages(INSTANCES_MAX, |token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = send!(self, request)?;
                let reservations = answer.reservations.unwrap_or_default();
                let instances = reservations.into_iter().flat_map(|of| of.instances.unwrap_or_default());
                let items: Option<Vec<_>> = instances.map(convert::instance).collect();
                let items = items.ok_or_else(|| incomplete("an instance has no readable id", None))?;
                Ok(Page { items, next_token: answer.next_token })
            }
        })
        .await
    }

    /// The status checks of these instances, whatever state they are in.
    ///
    /// # Errors
    /// One id that EC2 does not show yet fails the whole call with InvalidInstanceID.NotFound: ask
    /// for those that [`Client::instances`] has seen.
    pub async fn instance_status(&self, ids: &[InstanceId]) -> Result<Vec<InstanceStatus>, Ec2Error> {
        let mut found = Vec::new();
        for part in ids.chunks(CALL_STATUS_IDS_MAX) {
            let ids = part.iter().map(|id| id.as_str().to_owned()).collect();
            // Without IncludeAllInstances a pending instance is left out. MaxResults may not stand
            // beside ids.
            let request = self.sdk().describe_instance_status().set_instance_ids(Some(ids)).include_all_instances(true);
            let statuses = all_pages(INSTANCES_MAX, |token| {
                let request = request.clone().set_next_token(token);
                async move {
                    let answer = send!(self, request)?;
                    let items = answer.instance_statuses.unwrap_or_default();
                    let items = items.into_iter().filter_map(convert::instance_status).collect();
                    Ok(Page { items, next_token: answer.next_token })
                }
            });
            found.extend(statuses.await?);
        }
        Ok(found)
    }

    /// The status checks of those of `ids` that this part of EC2 knows. One that it does not know yet fails the call for
    /// all of them (API Reference, "DescribeInstanceStatus"), so halves are asked about, until the rest is known or it
    /// has taken 16 calls for each hundred; what is left then is missing from the answer.
    ///
    /// # Errors
    /// See [`Ec2Error`].
    pub async fn instance_status_of_known(&self, ids: &[InstanceId]) -> Result<Vec<InstanceStatus>, Ec2Error> {
        let mut known = Vec::new();
        for part in ids.chunks(CALL_STATUS_IDS_MAX) {
            let mut parts = vec![part];
            for _ in 0..SPLIT_CALLS_MAX {
                let Some(part) = parts.pop() else { break };
                match self.instance_status(part).await {
                    Ok(statuses) => known.extend(statuses),
                    Err(Ec2Error::Answered(answer)) if answer.code == "InvalidInstanceID.NotFound" => {
                        if 1 < part.len() {
                            let (first, second) = part.split_at(part.len() / 2);
                            parts.extend([second, first]);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(known)
    }

    /// The console of an instance, which is empty in its first minutes. `latest` asks for it as it
    /// is now, which only Nitro types can do.
    ///
    /// # Errors
    /// UnsupportedOperation for `latest` on another type; [`Ec2Error::Unreadable`] if the text is
    /// not base64.
    pub async fn console_output(&self, id: &InstanceId, latest: bool) -> Result<ConsoleOutput, Ec2Error> {
        let request = self.sdk().get_console_output().instance_id(id.as_str()).set_latest(latest.then_some(true));
        let answer = send!(self, request)?;
        let text = match answer.output.as_deref() {
            None => String::new(),
            Some(base64) => {
                convert::console_text(base64).ok_or_else(|| incomplete("the console output is not base64", None))?
            }
        };
        Ok(ConsoleOutput { taken: answer.timestamp.and_then(convert::timestamp), text })
    }
}
