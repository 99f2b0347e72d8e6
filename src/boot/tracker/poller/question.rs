//! What a poller asks EC2, each question a future of its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

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
        /// The same on the clock's uptime.
        sent: Duration,
        /// About which.
        ids: Vec<InstanceId>,
        /// What it said.
        answer: Result<Instances, Ec2Error>,
    },
    /// The status checks of running instances.
    Statuses {
        /// When EC2 was asked, on the clock's uptime.
        sent: Duration,
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
        let (asked, sent) = (clock.now(), clock.uptime());
        let answer = client.instances(&ids).await.map(by_id);
        Answer::States { asked, sent, ids, answer }
    }
    .boxed()
}

/// Their status checks.
pub(super) fn statuses(client: Client, clock: Arc<dyn Clock>, ids: Vec<InstanceId>) -> BoxFuture<'static, Answer> {
    async move {
        let sent = clock.uptime();
        let answer = statuses_of_known(&client, &ids).await;
        Answer::Statuses { sent, ids, answer }
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
            // Up to 128 KiB of somebody else's text: the poller follows its other instances meanwhile.
            Ok(output) => tokio::task::spawn_blocking(move || ConsoleTail::of(&output)).await.unwrap_or_else(|error| {
                tracing::error!(instance_id = %id, %error, "console not read to its end");
                None
            }),
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
/// in `recorded`, since the others' are on record.
pub(super) fn follow(
    client: &Client,
    clock: Arc<dyn Clock>,
    follows: Vec<Follow>,
    ids: Vec<InstanceId>,
    recorded: HashSet<InstanceId>,
) -> BoxFuture<'static, Answer> {
    let client = client.at(Priority::Question);
    async move {
        let asked = clock.now();
        let answer = async {
            let instances = by_id(client.instances(&ids).await?);
            let is_new = |instance: &&Instance| {
                instance.state == Some(InstanceState::Running) && !recorded.contains(&instance.instance_id)
            };
            let new: Vec<_> = instances.values().filter(is_new).map(|instance| instance.instance_id.clone()).collect();
            // Without them the next look asks again.
            let statuses = statuses_of_known(&client, &new).await.unwrap_or_else(|error| {
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

async fn statuses_of_known(client: &Client, ids: &[InstanceId]) -> Result<Statuses, Ec2Error> {
    let statuses = client.instance_status_of_known(ids).await?;
    Ok(statuses.into_iter().map(|status| (status.instance_id.clone(), status)).collect())
}

fn by_id(instances: Vec<Instance>) -> Instances {
    instances.into_iter().map(|instance| (instance.instance_id.clone(), instance)).collect()
}
