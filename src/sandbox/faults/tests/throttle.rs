//! Token buckets on the call path.

use super::*;

fn admitted(world: &World, form: &str) -> usize {
    (0..120).filter(|_| world.outcome(form) != "RequestLimitExceeded").count()
}

#[test]
fn calls_are_throttled_as_ec2_throttles_them() {
    let world = World::at_speed("[throttle]\n", 2.0);
    let dry = format!("{RUN}&DryRun=true");
    assert_eq!(admitted(&world, &dry), 5, "dry runs take tokens too");
    let (status, body) = world.ask(RUN);
    assert_eq!((status, texts(&body, "Message")[0].as_str()), (503, "Request limit exceeded."));
    assert_eq!(world.texts(DESCRIBE, "instanceId").len(), 0);
    world.pass(1);
    assert_eq!(admitted(&world, RUN), 4, "two a sandbox second");
    assert_eq!(admitted(&world, DESCRIBE), 50);
    assert_eq!(admitted(&world, &format!("{DESCRIBE}&MaxResults=5")), 100);
    assert_eq!(admitted(&world, "Action=DescribeRegions"), 100);
}

#[test]
fn instances_that_were_not_launched_cost_nothing() {
    let world = World::new(
        "[throttle.actions.RunInstances]\nmaximum = 100\nresources_maximum = 10\nresources_refill_per_second = 1\n\
         [[fault]]\nkind = \"capacity\"\navailable = 4\nafter = \"100s\"\n",
    );
    let run = |count: u32| RUN.replace("MaxCount=1", &format!("MaxCount={count}"));
    assert_eq!(world.outcome(&run(11)), "RequestLimitExceeded");
    assert_eq!(world.outcome(&format!("{}&DryRun=true", run(10))), "DryRunOperation");
    assert_eq!(world.outcome(&run(10).replace("t3.micro", "x.huge")), "InvalidParameterValue");
    let token = format!("{}&ClientToken=t", run(6));
    assert_eq!(world.outcome(&token), "200");
    assert_eq!(world.outcome(&run(5)), "RequestLimitExceeded");
    world.pass(2);
    assert_eq!(world.outcome(&token), "200", "a repeated call launches nothing");
    assert_eq!(world.outcome(&run(6)), "200");
    world.pass(100);
    assert_eq!(world.texts(&run(10), "instancesSet").len(), 1);
    assert_eq!(world.texts(&run(6), "instanceId").len(), 4, "four were launched, so six tokens were left");
}
