//! What calls cost, over the wire.

use std::sync::Arc;

use super::responder::{Reply, Responder};
use super::{LAUNCHED, images, small_launch};
use crate::clock::{SimClock, Timestamp};
use crate::ec2::budget::{Api, Priority};
use crate::ec2::{Client, Ec2Error, ErrorClass, ImageQuestion, RunInstances};

/// A client for which no time passes.
async fn client(server: &Responder) -> Client {
    server.client_by(Arc::new(SimClock::new(Timestamp::UNIX_EPOCH))).await
}

#[tokio::test]
async fn each_attempt_of_the_sdks_counts_and_a_refusal_empties_the_bucket() {
    let broken = Reply::error(500, "InternalError", "again");
    let server = Responder::start([broken, images(&["ami-11111111"], None)]).await;
    let asking = client(&server).await;
    asking.describe_images(&ImageQuestion::everything(), 10).await.unwrap();
    assert_eq!(asking.budgets().left(Api::DescribeImages), 48);
    assert_eq!(asking.budgets().left(Api::DescribeSubnets), 50, "each API has its own");

    let busy = Reply::error(503, "RequestLimitExceeded", "slow");
    let server = Responder::start([busy, images(&["ami-11111111"], None)]).await;
    let asking = client(&server).await;
    asking.at(Priority::Crawl).describe_images(&ImageQuestion::everything(), 10).await.unwrap();
    assert_eq!(asking.budgets().left(Api::DescribeImages), 0, "although the repeat succeeded");
}

#[tokio::test]
async fn a_dry_run_takes_no_instances_and_a_launch_those_it_made() {
    let dry = Reply::error(412, "DryRunOperation", "would have");
    let server = Responder::start([dry, Reply::ok("RunInstances", LAUNCHED)]).await;
    let asking = client(&server).await.at(Priority::Launch);
    let error = asking.run_instances(&small_launch(), None, true).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::DryRunOk);
    let turn = asking.turn_to_run().await;
    assert_eq!(turn.instances_left(), 500);
    let permit = turn.instances(5).await;
    let five = RunInstances { max_count: 5, ..small_launch() };
    asking.run_instances_with(permit, &five, None).await.unwrap();
    assert_eq!(asking.budgets().left(Api::RunInstances), 0);
    assert_eq!(asking.budgets().instances_left(), 499, "EC2 launched one of five");
}

#[tokio::test]
async fn more_instances_than_were_waited_for_are_not_asked_for() {
    let server = Responder::start([]).await;
    let asking = client(&server).await.at(Priority::Launch);
    let permit = asking.turn_to_run().await.instances(1).await;
    let two = RunInstances { max_count: 2, ..small_launch() };
    let error = asking.run_instances_with(permit, &two, None).await.unwrap_err();
    assert!(matches!(error, Ec2Error::NotSent(_)), "{error:?}");
    assert_eq!((asking.budgets().left(Api::RunInstances), asking.budgets().instances_left()), (2, 500));
    assert!(server.asked().is_empty());
}
