//! Draws, counts and plans that are replaced.

use super::*;

fn drawn(plan: &str, seed: u64, calls: usize) -> Vec<bool> {
    let faults = Faults::new(seed, 1.0);
    faults.load(Plan::parse(plan).unwrap(), Timestamp::UNIX_EPOCH);
    let subject = Subject { action: "RunInstances", region: "sandbox-1", ..Subject::default() };
    (0..calls).map(|_| faults.take(&subject, Timestamp::UNIX_EPOCH).refusal.is_some()).collect()
}

#[test]
fn draws_follow_from_the_seed_and_strike_as_often_as_they_should() {
    let plan = "[[fault]]\nkind = \"html\"\nprobability = 0.25\n";
    let seeded = format!("seed = 1\n{plan}");
    let first = drawn(plan, 1, 4000);
    assert_eq!(first, drawn(plan, 1, 4000));
    assert_eq!(first, drawn(&seeded, 2, 4000), "the plan's own seed wins");
    assert_ne!(first, drawn(plan, 2, 4000));
    let struck = first.iter().filter(|struck| **struck).count();
    assert!((900..1100).contains(&struck), "{struck}");
    let counted = drawn(&format!("{plan}count = 3\n"), 1, 4000);
    assert_eq!(counted.iter().filter(|struck| **struck).count(), 3);
}

/// Everything a client sees, with draws of every sort in it.
fn story(seed: u64) -> Vec<String> {
    let plan = format!(
        r#"
        seed = {seed}
        [throttle]
        [[fault]]
        kind = "error"
        code = "Unavailable"
        probability = 0.2
        [[fault]]
        kind = "reply-lost"
        probability = 0.1
        [[fault]]
        kind = "capacity"
        available = 1
        probability = 0.5
        [[fault]]
        kind = "invisible"
        most = "20s"
        probability = 0.5
        [[fault]]
        kind = "immediate-termination"
        cause = "kms"
        probability = 0.3
        "#
    );
    let world = World::new(&plan);
    let run = RUN.replace("MaxCount=1", "MaxCount=3");
    let mut seen = Vec::new();
    for _ in 0..30 {
        for form in [run.as_str(), DESCRIBE] {
            let (status, body) = world.ask(form);
            seen.push(format!("{status} {body}"));
        }
        world.pass(3);
    }
    seen.push(format!("{:?}", world.struck()));
    seen
}

#[test]
fn the_same_seed_and_calls_replay_exactly() {
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

#[test]
fn a_new_plan_starts_anew_and_leaves_injected_faults_alone() {
    let world = World::new("[throttle]\n[account]\ninstances = 7\n[[fault]]\nkind = \"html\"\ncount = 1\n");
    assert_eq!(world.sandbox.account().instances, 7);
    assert_eq!(world.ask(DESCRIBE).0, 502);
    assert_eq!(world.ask(DESCRIBE).0, 200);
    world.sandbox.faults().inject("DescribeInstances", 1, Fault::ReplyLost);
    let plan = "[[fault]]\nkind = \"denied\"\n";
    world.sandbox.plan_faults(Plan::parse(plan).unwrap());
    assert_eq!(world.sandbox.faults().text(), plan);
    assert_eq!(world.struck(), [(0, 0)]);
    assert_eq!(world.ask(DESCRIBE).0, 0);
    assert_eq!(world.ask(DESCRIBE).0, 403);
    let count = world.sandbox.faults().counts()[0];
    assert_eq!(count, FaultCount { fault: 1, kind: "denied", matched: 2, struck: 2 });
    world.sandbox.plan_faults(Plan::default());
    assert_eq!(world.outcome(DESCRIBE), "200");
}
