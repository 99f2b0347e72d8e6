//! The buckets by themselves.

use proptest::prelude::*;

use super::*;

fn buckets(plan: &str) -> Buckets {
    let errors = Errors::default();
    let table: Table = plan.parse().unwrap();
    let rates = Rates::read(&table, &errors);
    assert!(errors.borrow().is_empty(), "{errors:?}");
    Buckets::new(rates)
}

fn demand(action: &str, unfiltered: bool, resources: u32) -> Demand<'_> {
    Demand { action, region: "sandbox-1", unfiltered, resources }
}

#[test]
fn every_action_has_ec2s_bucket() {
    for (action, unfiltered, at_once, later) in [
        ("DescribeImages", false, 100, 20),
        ("GetConsoleOutput", false, 100, 20),
        ("DescribeInstances", false, 100, 20),
        ("DescribeInstances", true, 50, 10),
        ("RebootInstances", false, 50, 5),
        ("StopInstances", false, 50, 5),
        ("RunInstances", false, 5, 2),
        ("StartInstances", false, 5, 2),
        ("TerminateInstances", false, 100, 5),
        ("CreateTags", false, 100, 10),
        ("DeleteTags", false, 100, 10),
        ("CopyImage", false, 100, 1),
        ("EnableImageBlockPublicAccess", false, 1, 0),
    ] {
        let mut buckets = buckets("");
        let ask = demand(action, unfiltered, 1);
        let mut admitted =
            |second| (0..200).filter(|_| buckets.admit(&ask, Duration::from_secs(second)).is_ok()).count();
        assert_eq!((admitted(100), admitted(101)), (at_once, later), "{action}");
    }
}

#[test]
fn instances_are_tokens_too_and_what_is_not_used_comes_back() {
    let mut buckets = buckets("");
    let (all, one) = (demand("RunInstances", false, 1000), demand("RunInstances", false, 1));
    let at = Duration::from_secs(7);
    buckets.admit(&all, at).unwrap();
    let error = buckets.admit(&one, at).unwrap_err();
    assert_eq!((error.status, &*error.code), (503, "RequestLimitExceeded"));
    buckets.give_back(&all, 1);
    // Refused calls took no request token: four are left, and one instance.
    buckets.admit(&one, at).unwrap();
    assert!(buckets.admit(&one, at).is_err());
    buckets.admit(&one, at + Duration::from_secs(1)).unwrap();
    assert_eq!(buckets.admit(&Demand { region: "sandbox-2", ..all }, at), Ok(()), "another Region, another bucket");
}

#[test]
fn a_plan_sets_rates_and_scales_them() {
    let mut scaled = buckets("scale = 0.1\n[actions.DescribeImages]\nmaximum = 30\n");
    let mut count =
        |action| (0..200).filter(|_| scaled.admit(&demand(action, false, 0), Duration::ZERO).is_ok()).count();
    assert_eq!((count("DescribeImages"), count("DescribeVpcs"), count("RunInstances")), (3, 10, 1));
}

proptest! {
    #[test]
    fn no_window_gets_more_than_maximum_and_refill(
        maximum in 1u32..50,
        refill in 0u32..20,
        calls in proptest::collection::vec((0u64..1500, 0u32..20), 1..80),
    ) {
        let mut bucket = Bucket::full(rate(f64::from(maximum), f64::from(refill)), Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut taken: Vec<(Duration, u32)> = Vec::new();
        for (gap_ms, tokens) in calls {
            now += Duration::from_millis(gap_ms);
            if bucket.has(tokens, now) {
                bucket.take(tokens);
                taken.push((now, tokens));
            }
        }
        for (first, (from, _)) in taken.iter().enumerate() {
            let mut sum = 0;
            for (at, tokens) in &taken[first..] {
                sum += tokens;
                let most = f64::from(maximum) + f64::from(refill) * (*at - *from).as_secs_f64();
                prop_assert!(f64::from(sum) <= most + 1e-6, "{sum} from {from:?} to {at:?}");
            }
        }
    }
}
