//! Faults of calls.

use super::*;

#[test]
fn what_refuses_a_call_has_no_effect_and_what_loses_its_answer_has() {
    let world = World::new(
        r#"
        [[fault]]
        kind = "error"
        code = "InternalError"
        actions = ["RunInstances"]
        count = 1
        [[fault]]
        kind = "html"
        actions = ["RunInstances"]
        count = 1
        [[fault]]
        kind = "reply-lost"
        actions = ["RunInstances"]
        after = "10s"
        count = 1
        "#,
    );
    let injected = Fault::ErrorBefore { code: "Blocked".to_owned(), message: "no".to_owned(), status: 400 };
    world.sandbox.faults().inject("RunInstances", 1, injected);
    assert_eq!(world.outcome(RUN), "Blocked", "injected faults come first and use up nothing of the plan");
    assert_eq!(world.ask(RUN).0, 500);
    assert_eq!(world.ask(RUN), (502, "html".to_owned()));
    assert_eq!(world.texts(DESCRIBE, "instanceId").len(), 0);
    assert_eq!(world.outcome(RUN), "200");
    world.pass(10);
    assert_eq!(world.ask(RUN).0, 0);
    assert_eq!(world.texts(DESCRIBE, "instanceId").len(), 2);
    assert_eq!(world.struck(), [(4, 1), (3, 1), (1, 1)]);
}

#[test]
fn the_first_fault_of_a_sort_strikes_and_sorts_add_up() {
    let world = World::new(
        r#"
        [[fault]]
        kind = "slow"
        delay = "3s"
        [[fault]]
        kind = "slow"
        delay = "4s"
        [[fault]]
        kind = "connection-reset"
        after_bytes = 7
        [[fault]]
        kind = "reply-lost"
        "#,
    );
    let delivery = world.deliver(RUN);
    assert_eq!((delivery.delay, delivery.reset_after), (Some(Duration::from_secs(3)), Some(7)));
    assert!(matches!(delivery.answer, Answer::Xml(200, _)));
    assert_eq!(world.struck(), [(1, 1), (0, 0), (1, 1), (0, 0)]);
}

#[test]
fn a_denied_call_says_why_in_code_also_when_it_is_dry() {
    let world = World::new("[[fault]]\nkind = \"denied\"\nactions = [\"RunInstances\", \"DescribeImages\"]\n");
    for form in [RUN, &format!("{RUN}&DryRun=true"), "Action=DescribeImages"] {
        let (status, body) = world.ask(form);
        assert_eq!((status, world.outcome(form).as_str()), (403, "UnauthorizedOperation"));
        assert!(texts(&body, "Message")[0].contains("Encoded authorization failure message: "), "{body}");
    }
    assert_eq!(world.outcome(DESCRIBE), "200");
}

#[test]
fn limits_are_compared_with_what_the_call_names() {
    let subnet = World::new("").texts("Action=DescribeSubnets", "subnetId").remove(0);
    let image = "Action=DescribeImages&ImageId.1=ami-05a4db0c500000001".to_owned();
    for (limit, form, strikes) in [
        ("zones = [\"sandbox-1a\"]", format!("{RUN}&Placement.AvailabilityZone=sandbox-1a"), true),
        ("zones = [\"sandbox-1a\"]", format!("{RUN}&Placement.AvailabilityZoneId=san1-az1"), true),
        ("zones = [\"sandbox-1a\"]", format!("{RUN}&SubnetId={subnet}"), true),
        ("zones = [\"sandbox-1a\"]", format!("{RUN}&NetworkInterface.1.SubnetId={subnet}"), true),
        ("zones = [\"sandbox-1a\"]", format!("{RUN}&Placement.AvailabilityZone=sandbox-1b"), false),
        ("zones = [\"sandbox-1a\"]", RUN.to_owned(), false),
        ("instance_types = [\"m7*\", \"t3.mic?o\"]", RUN.to_owned(), true),
        ("instance_types = [\"m7*\"]", RUN.to_owned(), false),
        ("instance_types = [\"*\"]", DESCRIBE.to_owned(), false),
        ("images = [\"ami-05a4db0c500000001\"]", RUN.to_owned(), true),
        ("images = [\"ami-05a4db0c500000001\"]", image, true),
        ("images = [\"ami-05a4db0c500000002\"]", RUN.to_owned(), false),
        ("regions = [\"sandbox-2\"]", RUN.to_owned(), false),
        ("regions = [\"sandbox-1\"]", RUN.to_owned(), true),
        ("probability = 0.0", RUN.to_owned(), false),
        ("after = \"1s\"", RUN.to_owned(), false),
    ] {
        let world = World::new(&format!("[[fault]]\nkind = \"error\"\ncode = \"Struck\"\n{limit}\n"));
        assert_eq!(world.outcome(&form) == "Struck", strikes, "{limit}: {form}");
    }
}

#[test]
fn time_is_sandbox_time() {
    let world = World::at_speed("[[fault]]\nkind = \"html\"\nafter = \"60s\"\nfor = \"30s\"\n", 10.0);
    let mut seen = Vec::new();
    for _ in 0..11 {
        seen.push(world.ask("Action=DescribeRegions").0);
        world.pass(1);
    }
    assert_eq!(seen, [200, 200, 200, 200, 200, 200, 502, 502, 502, 200, 200]);
}

#[test]
fn a_stale_read_sees_what_was() {
    let world = World::new("[[fault]]\nkind = \"stale-read\"\nby = \"5s\"\nafter = \"100s\"\n");
    let ids = world.texts(RUN, "instanceId");
    let one = format!("{DESCRIBE}&InstanceId.1={}", ids[0]);
    let status = format!("Action=DescribeInstanceStatus&InstanceId.1={}&IncludeAllInstances=true", ids[0]);
    world.pass(98);
    assert_eq!(world.texts(&one, "name")[0], "running");
    world.pass(2);
    let young = world.texts(RUN, "instanceId");
    assert_eq!(world.texts(DESCRIBE, "instanceId"), ids);
    let young_one = format!("{DESCRIBE}&InstanceId.1={}", young[0]);
    assert_eq!(world.outcome(&young_one), "InvalidInstanceID.NotFound");
    let terminate = format!("Action=TerminateInstances&InstanceId.1={}&InstanceId.2={}", ids[0], young[0]);
    assert_eq!(world.outcome(&terminate), "200", "only Describe calls read stale");
    assert_eq!(world.texts(&one, "name")[0], "running");
    assert_eq!(world.texts(&status, "name")[0], "running");
    world.pass(5);
    assert_ne!(world.texts(&one, "name")[0], "running");
    assert_eq!(world.outcome(&young_one), "200");
}

#[test]
fn short_pages_lose_nothing() {
    let world = World::new(
        "[[fault]]\nkind = \"short-page\"\nprobability = 0.5\n[[fault]]\nkind = \"short-page\"\nitems = 3\n",
    );
    let question = "Action=DescribeInstanceTypes&Filter.1.Name=bare-metal&Filter.1.Value.1=true&MaxResults=100";
    let crawl = |world: &World| {
        let (mut pages, mut tokens) = (Vec::new(), Vec::new());
        let mut form = question.to_owned();
        loop {
            let (_, body) = world.ask(&form);
            pages.push(texts(&body, "instanceType"));
            let Some(token) = texts(&body, "nextToken").pop() else { return pages };
            assert!(!tokens.contains(&token), "botocore refuses a token that comes twice");
            form = format!("{question}&NextToken={token}");
            tokens.push(token);
        }
    };
    let short = crawl(&world);
    assert!(short.iter().all(|page| page.len() <= 3));
    assert!(short.iter().filter(|page| page.is_empty()).count() > 5);
    world.sandbox.plan_faults(Plan::default());
    let whole = crawl(&world);
    assert!(whole.len() < 5);
    assert_eq!(short.concat(), whole.concat());
}
