//! What a poller asks EC2, each question a future of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::Follow;
use crate::boot::console::ConsoleTail;
use crate::boot::tails::Tails;
use crate::clock::Clock;
use crate::ec2::budget::Priority;
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::ec2::{Client, Ec2Error, ErrorClass};
use crate::ids::InstanceId;

/// Calls that one question about status checks may take to find out which of the instances EC2 does not know yet.
const SPLIT_CALLS_MAX: usize = 16;

/// What EC2 shows, by instance.
pub(super) type Instances = HashMap<InstanceId, Instance>;

/// The status checks, by instance.
pub(super) type Statuses = HashMap<InstanceId, InstanceStatus>;

/// What came of a question.
pub(super) enum Answer {
    /// The states of instances.
    States {
        /// When EC2 was asked.
        asked: Timestamp,
        /// About which.
        ids: Vec<InstanceId>,
        /// What it said.
        answer: Result<Instances, Ec2Error>,
    },
    /// The status checks of running instances.
    Statuses {
        /// About which EC2 was asked.
        ids: Vec<InstanceId>,
        /// What it said.
        answer: Result<Statuses, Ec2Error>,
    },
    /// The console of an instance whose boot went wrong.
    Console {
        /// Whose.
        id: InstanceId,
        /// What it ends with; none where it is empty or could not be read.
        tail: Option<ConsoleTail>,
    },
    /// What the instances are now that somebody wants to follow.
    Follow {
        /// When EC2 was asked.
        asked: Timestamp,
        /// Who wants to know.
        follows: Vec<Follow>,
        /// What it said.
        answer: Result<(Instances, Statuses), Ec2Error>,
    },
}

/// The states of instances, for nobody in particular.
pub(super) fn states(client: Client, clock: Arc<dyn Clock>, ids: Vec<InstanceId>) -> BoxFuture<'static, Answer> {
    async move {
        let asked = clock.now();
        let answer = client.instances(&ids).await.map(by_id);
        Answer::States { asked, ids, answer }
    }
    .boxed()
}

/// Their status checks.
pub(super) fn statuses(client: Client, ids: Vec<InstanceId>) -> BoxFuture<'static, Answer> {
    async move {
        let answer = statuses_of_known(&client, ids.clone()).await;
        Answer::Statuses { ids, answer }
    }
    .boxed()
}

/// What the console of an instance ends with, which is kept before anybody is told of it.
pub(super) fn console(client: Client, tails: Tails, id: InstanceId) -> BoxFuture<'static, Answer> {
    async move {
        let output = match client.console_output(&id, true).await {
            // Only Nitro can show the console as it is now; of others EC2 has what it posted last.
            Err(Ec2Error::Answered(answer))
                if !matches!(answer.class, ErrorClass::Throttled | ErrorClass::Transient) =>
            {
                client.console_output(&id, false).await
            }
            Ok(output) if output.text.is_empty() => client.console_output(&id, false).await,
            other => other,
        };
        let tail = match output {
            Ok(output) => ConsoleTail::of(&output),
            Err(error) => {
                tracing::warn!(region = %client.region(), instance_id = %id, %error, "console not read");
                None
            }
        };
        if let Some(tail) = &tail
            && let Err(error) = tails.keep(tail).await
        {
            tracing::warn!(instance_id = %id, %error, "the console's tail is not kept");
        }
        Answer::Console { id, tail }
    }
    .boxed()
}

/// What the instances of `follows` are, which somebody waits for; with the status checks of those that run and are not
/// in `followed`, since the others' are on record.
pub(super) fn follow(
    client: &Client,
    clock: Arc<dyn Clock>,
    follows: Vec<Follow>,
    ids: Vec<InstanceId>,
    followed: HashSet<InstanceId>,
) -> BoxFuture<'static, Answer> {
    let client = client.at(Priority::Question);
    async move {
        let asked = clock.now();
        let answer = async {
            let instances = by_id(client.instances(&ids).await?);
            let is_new = |instance: &&Instance| {
                instance.state == Some(InstanceState::Running) && !followed.contains(&instance.instance_id)
            };
            let new = instances.values().filter(is_new).map(|instance| instance.instance_id.clone()).collect();
            // Without them the next look asks again.
            let statuses = statuses_of_known(&client, new).await.unwrap_or_else(|error| {
                tracing::warn!(region = %client.region(), %error, "status checks not seen");
                HashMap::new()
            });
            Ok((instances, statuses))
        };
        let answer = answer.await;
        Answer::Follow { asked, follows, answer }
    }
    .boxed()
}

/// The status checks of those of `ids` that this part of EC2 knows. One that it does not know yet fails the call for
/// all of them (API Reference, "DescribeInstanceStatus"), so the others are asked about without it: halves are tried
/// until the rest is known or it has taken [`SPLIT_CALLS_MAX`] calls.
async fn statuses_of_known(client: &Client, ids: Vec<InstanceId>) -> Result<Statuses, Ec2Error> {
    let mut known = HashMap::new();
    let mut parts = vec![ids];
    let mut calls = 0;
    while let Some(mut part) = parts.pop() {
        if part.is_empty() || calls == SPLIT_CALLS_MAX {
            continue;
        }
        calls += 1;
        match client.instance_status(&part).await {
            Ok(statuses) => known.extend(statuses.into_iter().map(|status| (status.instance_id.clone(), status))),
            Err(Ec2Error::Answered(answer)) if answer.code == "InvalidInstanceID.NotFound" => {
                if 1 < part.len() {
                    let half = part.split_off(part.len() / 2);
                    parts.extend([half, part]);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(known)
}

fn by_id(instances: Vec<Instance>) -> Instances {
    instances.into_iter().map(|instance| (instance.instance_id.clone(), instance)).collect()
}
