//! Faults of launches and of instances.

use base64::Engine as _;

use super::*;

fn in_zone(letter: char) -> String {
    format!("{RUN}&Placement.AvailabilityZone=sandbox-1{letter}")
}

#[test]
fn zones_without_capacity_are_named_and_avoided() {
    let world = World::new(
        r#"
        [[fault]]
        kind = "capacity"
        zones = ["sandbox-1a", "sandbox-1b"]
        instance_types = ["t3.*"]
        "#,
    );
    let (status, body) = world.ask(&in_zone('a'));
    assert_eq!((status, world.outcome(&in_zone('b')).as_str()), (500, "InsufficientInstanceCapacity"));
    let message = texts(&body, "Message").remove(0);
    assert!(message.contains("sufficient t3.micro capacity in the Availability Zone you requested (sandbox-1a)"));
    assert!(message.ends_with("or choosing sandbox-1c."), "{message}");
    assert_eq!(world.struck(), [(2, 2)], "asking about other zones uses nothing up");
    for _ in 0..3 {
        assert_eq!(world.texts(RUN, "availabilityZone")[0], "sandbox-1c", "EC2 goes where there is room");
    }
    assert_eq!(world.outcome(&in_zone('a').replace("t3.micro", "m5.large")), "200");
    let spot = format!("{}&InstanceMarketOptions.MarketType=spot", in_zone('a'));
    assert!(world.texts(&spot, "Message")[0].contains("no Spot capacity"));
}

#[test]
fn scarce_capacity_launches_what_there_is() {
    let world = World::new("[[fault]]\nkind = \"capacity\"\navailable = 2\ncount = 2\n");
    let run = |counts: &str| in_zone('a').replace("MinCount=1&MaxCount=1", counts);
    assert_eq!(world.texts(&run("MinCount=1&MaxCount=5"), "instanceId").len(), 2);
    assert_eq!(world.outcome(&run("MinCount=3&MaxCount=5")), "InsufficientInstanceCapacity");
    assert_eq!(world.texts(&run("MinCount=3&MaxCount=5"), "instanceId").len(), 5);
}

#[test]
fn new_instances_hide_for_a_drawn_time() {
    let world = World::at_speed("[[fault]]\nkind = \"invisible\"\nleast = \"20s\"\nmost = \"100s\"\n", 10.0);
    let ids: Vec<String> = (0..20).flat_map(|_| world.texts(RUN, "instanceId")).collect();
    let mut seen = Vec::new();
    for _ in 0..=10 {
        seen.push(world.texts(DESCRIBE, "instanceId").len());
        world.pass(1);
    }
    assert_eq!((seen[0], seen[1], seen[10]), (0, 0, ids.len()), "{seen:?}");
    assert!(seen.windows(2).filter(|pair| pair[0] < pair[1]).count() > 3, "{seen:?}");
}

#[test]
fn every_cause_of_immediate_termination_has_its_reason() {
    for (cause, code, message) in [
        ("kms", "Client.InternalError", "Client.InternalError: Client error on launch"),
        ("snapshot", "Client.InvalidSnapshot.NotFound", "Client.InvalidSnapshot.NotFound: "),
        ("volume-limit", "Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded"),
        ("internal", "Server.InternalError", "Server.InternalError: "),
        ("image-part", "Server.InternalError", "Server.InternalError: "),
    ] {
        let world = World::new(&format!("[[fault]]\nkind = \"immediate-termination\"\ncause = \"{cause}\"\n"));
        assert_eq!(world.texts(RUN, "name")[0], "pending");
        world.pass(60);
        let (_, body) = world.ask(DESCRIBE);
        assert_eq!(texts(&body, "name")[0], "terminated");
        assert!(body.contains(&format!("<stateReason><code>{code}</code><message>{message}")), "{body}");
    }
}

#[test]
fn checks_that_fail_stay_failed() {
    let world = World::new("[[fault]]\nkind = \"checks-fail\"\ncount = 1\n");
    let ids: Vec<String> = (0..2).flat_map(|_| world.texts(RUN, "instanceId")).collect();
    world.pass(3600);
    let status = |id: &str| world.texts(&format!("Action=DescribeInstanceStatus&InstanceId.1={id}"), "status");
    assert_eq!(status(&ids[0])[..4], ["ok", "passed", "impaired", "failed"]);
    assert_eq!(status(&ids[1])[..4], ["ok", "passed", "ok", "passed"]);
}

#[test]
fn a_boot_that_fails_says_why_on_its_console() {
    for (console, expected) in [
        ("network", "Failed to start Wait for Network to be Configured."),
        ("kernel-panic", "Kernel panic - not syncing: Fatal exception"),
        ("no-root-device", "ALERT!  /dev/nvme0n1p1 does not exist."),
        ("cloud-init", "Failed to run module scripts-user"),
        ("emergency-mode", "You are in emergency mode."),
    ] {
        let world = World::new(&format!("[[fault]]\nkind = \"checks-fail\"\nconsole = \"{console}\"\n"));
        let ids = world.texts(RUN, "instanceId");
        world.pass(300);
        let status = world.texts(&format!("Action=DescribeInstanceStatus&InstanceId.1={}", ids[0]), "status");
        assert_eq!(status[..4], ["ok", "passed", "impaired", "failed"], "{console}");
        let output = world.texts(&format!("Action=GetConsoleOutput&InstanceId={}", ids[0]), "output").remove(0);
        let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(output).unwrap()).unwrap();
        assert!(text.contains(expected) && text.contains("Linux version") && !text.contains("login: "), "{text}");
        assert_eq!(text.contains("mounted filesystem"), console != "no-root-device", "{text}");
    }
}

#[test]
fn the_rest_of_a_destiny_is_written_in_the_instances_life() {
    let plan = r#"
        [[fault]]
        kind = "impaired-later"
        check = "system"
        at = "5m"
        lasting = "2m"
        [[fault]]
        kind = "checks-fail"
        check = "attached-ebs"
        [[fault]]
        kind = "slow-boot"
        factor = 5
        [[fault]]
        kind = "spot-interruption"
        at = "10m"
        [[fault]]
        kind = "guest-shutdown"
        at = "30m"
        [[fault]]
        kind = "scheduled-event"
        code = "instance-stop"
        not_before = "1h"
    "#;
    let faults = Faults::new(1, 10.0);
    faults.load(Plan::parse(plan).unwrap(), Timestamp::UNIX_EPOCH);
    let subject = Subject { action: "RunInstances", region: "sandbox-1", spot: true, ..Subject::default() };
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let destiny = faults.destiny(&subject, Timestamp::UNIX_EPOCH);
    assert_eq!(
        destiny.later,
        [
            (minutes(5), DeedKind::Impair { check: Check::System, for_ms: Some(12_000) }),
            (minutes(0), DeedKind::Impair { check: Check::AttachedEbs, for_ms: None }),
            (minutes(10), DeedKind::Terminate { by: EndedBy::Spot }),
            (minutes(30), DeedKind::Stop { hibernate: false, force: false, by: EndedBy::Guest }),
        ]
    );
    assert_eq!(destiny.slowness, Some(5.0));
    let event = Event { code: "instance-stop".to_owned(), not_before_ms: 3_600_000, not_after_ms: None };
    assert_eq!(destiny.events, [event]);
    let on_demand = faults.destiny(&Subject { spot: false, ..subject }, Timestamp::UNIX_EPOCH);
    assert_eq!(on_demand.later.len(), 3, "only Spot Instances are interrupted");
    assert_eq!(faults.counts()[3].matched, 1);
}

#[test]
fn instances_live_as_planned() {
    let one = |fault: &str, run: &str| {
        let world = World::new(&format!("[[fault]]\n{fault}\n"));
        let id = world.texts(run, "instanceId").remove(0);
        (world, id)
    };
    let state = |world: &World| texts(&world.ask(DESCRIBE).1, "name").remove(0);
    let status =
        |world: &World, id: &str| world.texts(&format!("Action=DescribeInstanceStatus&InstanceId.1={id}"), "status");
    let spot = format!("{RUN}&InstanceMarketOptions.MarketType=spot");
    let (world, _) = one("kind = \"spot-interruption\"\nat = \"10m\"", &spot);
    world.pass(599);
    assert_eq!(state(&world), "running");
    world.pass(120);
    let (_, body) = world.ask(DESCRIBE);
    assert!(state(&world) == "terminated" && body.contains("Server.SpotInstanceTermination"), "{body}");

    let option = "&InstanceMarketOptions.SpotOptions";
    let spot = format!("{spot}{option}.SpotInstanceType=persistent{option}.InstanceInterruptionBehavior=stop");
    let (world, _) = one("kind = \"spot-interruption\"\nat = \"10m\"", &spot);
    world.pass(720);
    let (_, body) = world.ask(DESCRIBE);
    assert!(state(&world) == "stopped" && body.contains("Server.SpotInstanceShutdown"), "{body}");

    for (behavior, end) in [("stop", "stopped"), ("terminate", "terminated")] {
        let run = format!("{RUN}&InstanceInitiatedShutdownBehavior={behavior}");
        let (world, _) = one("kind = \"guest-shutdown\"\nat = \"10m\"", &run);
        world.pass(800);
        let (_, body) = world.ask(DESCRIBE);
        assert!(state(&world) == end && body.contains("Client.InstanceInitiatedShutdown"), "{body}");
    }

    let (world, id) = one("kind = \"impaired-later\"\nat = \"10m\"\nlasting = \"2m\"", RUN);
    let mut seen = Vec::new();
    for seconds in [590, 20, 100, 20] {
        world.pass(seconds);
        seen.push(status(&world, &id)[2].clone());
    }
    assert_eq!(seen, ["ok", "impaired", "impaired", "ok"]);
    let (world, id) = one("kind = \"impaired-later\"\nat = \"10m\"", RUN);
    world.pass(601);
    assert_eq!(status(&world, &id)[..4], ["ok", "passed", "impaired", "failed"]);

    let (world, id) = one("kind = \"checks-fail\"\ncheck = \"system\"", RUN);
    world.pass(300);
    assert_eq!(status(&world, &id)[..4], ["impaired", "failed", "ok", "passed"]);

    let (world, _) = one("kind = \"slow-boot\"\nfactor = 10", RUN);
    world.pass(40);
    assert_eq!(state(&world), "pending");
    world.pass(200);
    assert_eq!(state(&world), "running");

    let event = "kind = \"scheduled-event\"\ncode = \"instance-stop\"\nnot_before = \"1h\"\nnot_after = \"2h\"";
    let (world, id) = one(event, RUN);
    world.pass(60);
    let announced = world.ask(&format!("Action=DescribeInstanceStatus&InstanceId.1={id}")).1;
    assert_eq!(texts(&announced, "notBefore"), ["2027-01-15T09:00:00.000Z"], "{announced}");
    assert_eq!(texts(&announced, "notAfter"), ["2027-01-15T10:00:00.000Z"]);
    world.pass(3660);
    assert_eq!(state(&world), "stopped");
}

#[test]
fn a_start_needs_capacity_too() {
    let world = World::new(
        "[[fault]]\nkind = \"capacity\"\nactions = [\"StartInstances\"]\nzones = [\"sandbox-1a\"]\ncount = 1\n",
    );
    let id = world.texts(&in_zone('a'), "instanceId").remove(0);
    world.pass(60);
    assert_eq!(world.outcome(&format!("Action=StopInstances&InstanceId.1={id}")), "200");
    world.pass(60);
    let start = format!("Action=StartInstances&InstanceId.1={id}");
    assert_eq!(world.outcome(&start), "InsufficientInstanceCapacity");
    assert_eq!(world.outcome(&start), "200");
}
