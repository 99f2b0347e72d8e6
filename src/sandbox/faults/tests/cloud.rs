//! An Availability Zone that is out.

use super::*;

#[test]
fn an_outage_fails_what_needs_the_zone_and_nothing_else() {
    let world =
        World::new("[[fault]]\nkind = \"az-outage\"\nzones = [\"sandbox-1b\"]\nafter = \"100s\"\nfor = \"60s\"\n");
    let in_zone = |letter: char| format!("{RUN}&Placement.AvailabilityZone=sandbox-1{letter}");
    let states = |world: &World| world.texts("Action=DescribeAvailabilityZones", "zoneState");
    let launched = |letter: char| world.texts(&in_zone(letter), "instanceId").remove(0);
    let (a, b) = (launched('a'), launched('b'));
    let regional = format!("{RUN}&ClientToken=regional");
    let zonal = format!("{}&ClientToken=zonal", in_zone('c'));
    assert_eq!((world.outcome(&regional), world.outcome(&zonal)), ("200".to_owned(), "200".to_owned()));
    world.pass(99);
    assert_eq!(states(&world), ["available"; 3]);
    world.pass(1);

    assert_eq!(states(&world), ["available", "impaired", "available"]);
    let impaired = "Action=DescribeAvailabilityZones&Filter.1.Name=state&Filter.1.Value.1=impaired";
    assert_eq!(world.texts(impaired, "zoneName"), ["sandbox-1b"]);
    assert_eq!(world.ask(&in_zone('b')).0, 503);
    for (form, expected) in [
        (in_zone('a'), "200"),
        (in_zone('b'), "Unavailable"),
        (format!("{}&DryRun=true", in_zone('b')), "DryRunOperation"),
        (RUN.to_owned(), "200"),
        (regional.clone(), "Unavailable"),
        (zonal, "200"),
        (DESCRIBE.to_owned(), "Unavailable"),
        (format!("{DESCRIBE}&Filter.1.Name=availability-zone&Filter.1.Value.1=sandbox-1a"), "Unavailable"),
        (format!("{DESCRIBE}&InstanceId.1={a}"), "200"),
        (format!("{DESCRIBE}&InstanceId.1={a}&InstanceId.2={b}"), "Unavailable"),
        ("Action=DescribeInstanceStatus".to_owned(), "200"),
    ] {
        assert_eq!(world.outcome(&form), expected, "{form}");
    }
    for _ in 0..3 {
        assert_ne!(world.texts(RUN, "availabilityZone")[0], "sandbox-1b");
    }
    let status = |id: &str| world.ask(&format!("Action=DescribeInstanceStatus&InstanceId.1={id}")).1;
    assert_eq!(texts(&status(&a), "status")[..4], ["ok", "passed", "ok", "passed"]);
    assert_eq!(texts(&status(&b), "status")[..4], ["impaired", "failed", "impaired", "failed"]);
    assert_eq!(texts(&status(&b), "impairedSince")[0], "2027-01-15T08:01:40.000Z");

    world.pass(60);
    assert_eq!(states(&world), ["available"; 3]);
    assert_eq!(texts(&status(&b), "status")[..4], ["ok", "passed", "ok", "passed"]);
    assert_eq!(world.outcome(&regional), "200");
}
