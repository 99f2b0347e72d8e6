//! Who waits for whom, and how long.

use std::task::Poll;

use super::*;
use crate::clock::{SimClock, Timestamp};

/// EC2's own bucket holds four here, and gives twenty a second; half of that is ours.
const EC2: Rate = Rate { burst: 4.0, per_second: 20.0 };

fn bucket(reads: bool) -> (SimClock, Bucket) {
    bucket_of(EC2, reads)
}

fn bucket_of(rate: Rate, reads: bool) -> (SimClock, Bucket) {
    let clock = SimClock::new(Timestamp::UNIX_EPOCH);
    let bucket = Bucket::new(rate, reads, BudgetSettings::default(), Arc::new(clock.clone()));
    (clock, bucket)
}

fn budgets() -> (SimClock, Budgets) {
    let clock = SimClock::new(Timestamp::UNIX_EPOCH);
    let (account_id, region) = ("123456789012".parse().unwrap(), "sandbox-1".parse().unwrap());
    let budgets = Budgets::new(account_id, region, BudgetSettings::default(), Arc::new(clock.clone()));
    (clock, budgets)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn a_crawl_waits_for_what_is_missing_and_no_longer() {
    let (clock, bucket) = bucket(true);
    bucket.wait(Priority::Crawl, 1).await;
    bucket.wait(Priority::Crawl, 1).await;
    let third = bucket.wait(Priority::Crawl, 1);
    tokio::pin!(third);
    assert!(futures::poll!(&mut third).is_pending());
    clock.advance(ms(99));
    assert!(futures::poll!(&mut third).is_pending());
    clock.advance(ms(3));
    assert!(futures::poll!(&mut third).is_ready());
}

#[tokio::test]
async fn launches_are_never_held_up_and_crawls_keep_half_of_their_rate() {
    let (clock, bucket) = bucket(true);
    // However many calls there are, a crawl is held up to half of its rate and no further.
    for _ in 0..3 {
        for _ in 0..100 {
            bucket.wait(Priority::Launch, 1).await;
        }
        let crawl = bucket.wait(Priority::Crawl, 1);
        tokio::pin!(crawl);
        assert!(futures::poll!(&mut crawl).is_pending());
        clock.advance(ms(199));
        assert!(futures::poll!(&mut crawl).is_pending());
        clock.advance(ms(1));
        assert!(futures::poll!(&mut crawl).is_ready());
    }
}

#[tokio::test]
async fn a_question_goes_into_debt_as_far_as_ec2s_own_bucket_and_then_waits() {
    let (clock, bucket) = bucket(true);
    for _ in 0..4 {
        // Two tokens, and two of debt.
        bucket.wait(Priority::Question, 1).await;
    }
    let (fifth, sixth) = (bucket.wait(Priority::Question, 1), bucket.wait(Priority::Question, 1));
    let impatient = within(&clock, ms(50), bucket.wait(Priority::Question, 1));
    tokio::pin!(fifth, sixth, impatient);
    assert!(futures::poll!(&mut fifth).is_pending() && futures::poll!(&mut impatient).is_pending());
    assert!(futures::poll!(&mut sixth).is_pending());
    clock.advance(ms(60));
    assert_eq!(futures::poll!(&mut impatient), Poll::Ready(None));
    clock.advance(ms(42));
    assert!(futures::poll!(&mut sixth).is_pending(), "it does not overtake");
    assert!(futures::poll!(&mut fifth).is_ready());
    assert!(futures::poll!(&mut sixth).is_pending());
    clock.advance(ms(102));
    assert!(futures::poll!(&mut sixth).is_ready());
}

#[tokio::test]
async fn a_throttled_call_empties_the_bucket_and_halves_its_rate_for_half_a_minute() {
    let (clock, bucket) = bucket(true);
    assert!(bucket.throttled(), "the rate was whole");
    assert!(!bucket.throttled(), "one that was under way with it counts once");
    let crawl = bucket.wait(Priority::Crawl, 1);
    tokio::pin!(crawl);
    assert!(futures::poll!(&mut crawl).is_pending());
    clock.advance(ms(190));
    assert!(futures::poll!(&mut crawl).is_pending(), "five a second instead of ten");
    clock.advance(ms(12));
    assert!(futures::poll!(&mut crawl).is_ready());
    clock.advance(Duration::from_secs(30));
    assert!(bucket.throttled(), "it has recovered");
    for _ in 0..10 {
        clock.advance(Duration::from_secs(1));
        bucket.throttled();
    }
    bucket.take(2);
    clock.advance(ms(500));
    assert_eq!(bucket.left(), 0, "a tenth of the rate is left");
    clock.advance(Duration::from_secs(3));
    assert!(bucket.left() > 0, "and no less");
}

#[tokio::test]
async fn calls_that_change_something_wait_in_turn_and_launches_come_first() {
    let (clock, bucket) = bucket(false);
    bucket.wait(Priority::Launch, 2).await;
    let question = bucket.wait(Priority::Question, 1);
    let (first, second) = (bucket.wait(Priority::Launch, 1), bucket.wait(Priority::Launch, 1));
    tokio::pin!(question, first, second);
    assert!(futures::poll!(&mut question).is_pending());
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    clock.advance(ms(102));
    assert!(futures::poll!(&mut question).is_pending(), "it was there first, and gives way");
    assert!(futures::poll!(&mut second).is_pending(), "it does not overtake");
    assert!(futures::poll!(&mut first).is_ready());
    assert!(futures::poll!(&mut second).is_pending());
    clock.advance(ms(98));
    assert!(futures::poll!(&mut question).is_ready(), "half of the rate is left for it");
    clock.advance(ms(50));
    assert!(futures::poll!(&mut second).is_pending(), "who pays for it is the next launch");
    clock.advance(ms(52));
    assert!(futures::poll!(&mut second).is_ready());
}

#[tokio::test]
async fn who_stops_waiting_makes_nobody_wait() {
    let (clock, bucket) = bucket(false);
    bucket.wait(Priority::Launch, 2).await;
    let mut launch = Box::pin(bucket.wait(Priority::Launch, 1));
    assert!(futures::poll!(&mut launch).is_pending());
    drop(launch);
    let question = bucket.wait(Priority::Question, 1);
    tokio::pin!(question);
    assert!(futures::poll!(&mut question).is_pending());
    clock.advance(ms(102));
    assert!(futures::poll!(&mut question).is_ready());
}

#[tokio::test]
async fn more_than_a_bucket_holds_is_taken_when_it_is_full_and_paid_off_later() {
    let (clock, bucket) = bucket_of(Rate { burst: 20.0, per_second: 2.0 }, false);
    bucket.wait(Priority::Launch, 15).await;
    assert_eq!(bucket.left(), 0);
    let next = bucket.wait(Priority::Launch, 1);
    tokio::pin!(next);
    assert!(futures::poll!(&mut next).is_pending());
    clock.advance(Duration::from_secs(5));
    assert!(futures::poll!(&mut next).is_pending(), "five of debt, and one more");
    clock.advance(ms(1_100));
    assert!(futures::poll!(&mut next).is_ready());
}

#[tokio::test]
async fn a_turn_to_run_is_waited_for_first_and_then_the_instances() {
    let (clock, budgets) = budgets();
    // Two and a half of EC2's five.
    let first = budgets.turn_to_run(Priority::Launch).await;
    let second = budgets.turn_to_run(Priority::Launch).await;
    assert_eq!((first.instances_left(), first.instances_max()), (500, 500));
    let permit = first.instances(450).await;
    assert_eq!(second.instances_left(), 50);
    let mut third = Box::pin(budgets.turn_to_run(Priority::Launch));
    assert!(futures::poll!(&mut third).is_pending());
    drop(second);
    clock.advance(ms(502));
    assert!(matches!(futures::poll!(&mut third), Poll::Ready(_)), "a turn that was not used is the next one's");
    // EC2 launched fewer than it might have.
    permit.begin().launched(400);
    let turn = budgets.turn_to_run(Priority::Launch).await;
    assert_eq!(turn.instances_left(), 100);
    let mut late = Box::pin(turn.instances(102));
    assert!(futures::poll!(&mut late).is_pending());
    clock.advance(ms(2_002));
    let Poll::Ready(permit) = futures::poll!(&mut late) else { panic!("one instance a second") };
    permit.begin().throttled();
    let turn = budgets.turn_to_run(Priority::Launch).await;
    assert_eq!(turn.instances_left(), 51, "half of what was thought to be left");
}

#[tokio::test]
async fn a_turn_that_is_held_or_on_its_way_keeps_its_room_in_the_bucket() {
    let (clock, budgets) = budgets();
    let left = || (budgets.left(Api::RunInstances), budgets.instances_left());
    let turn = budgets.turn_to_run(Priority::Launch).await;
    let permit = turn.instances(100).await;
    clock.advance(Duration::from_secs(200));
    assert_eq!(left(), (1, 400), "EC2's own buckets are full, and the call is still to come");
    let begun = permit.begin();
    clock.advance(ms(240));
    assert_eq!(left(), (1, 400), "it may be on its way");
    clock.advance(ms(1_010));
    assert_eq!(left(), (2, 401), "EC2 has counted it a second ago");
    begun.launched(100);
    let turn = budgets.turn_to_run(Priority::Launch).await;
    clock.advance(Duration::from_secs(200));
    drop(turn);
    assert_eq!(left(), (2, 500), "it was never used");
}

#[tokio::test]
async fn what_would_wait_too_long_is_held_back_and_costs_nothing() {
    let (clock, budgets) = budgets();
    budgets.shared.terminate.take(500);
    let held = budgets.pay_to_terminate(200, Priority::Launch);
    tokio::pin!(held);
    assert!(futures::poll!(&mut held).is_pending());
    clock.advance(WAIT_MAX);
    assert_eq!(futures::poll!(&mut held), Poll::Ready(Err(Ec2Error::HeldBack)));
    assert_eq!(budgets.shared.terminate.left(), 100);
    assert_eq!(budgets.pay_to_terminate(100, Priority::Launch).await, Ok(()));
}

#[test]
fn a_small_share_lets_something_through() {
    let clock = Arc::new(SimClock::new(Timestamp::UNIX_EPOCH));
    let bucket = Bucket::new(EC2, false, BudgetSettings { share: 0.001, scale: 1.0 }, clock);
    assert_eq!(bucket.left(), 1);
}
