"""Every fault of launches, instances, zones, buckets and the account, seen by boto3 with the retries that it comes with."""

import concurrent.futures

from botocore.exceptions import ClientError, WaiterError
from clients import REGION, WAIT, instances, launch, refused, until, wait
from faults import ATTEMPTS, ONE, counted, fault, planned
from landmarks import LINUX, LINUX_ARM64
from life import state_of, status_of

HERE = ["RunInstances"]


def in_zone(letter):
    return {"Placement": {"AvailabilityZone": f"{REGION}{letter}"}}


def capacity(sandbox):
    """No capacity is HTTP 500 after three calls and names other zones; some capacity is a launch of fewer."""
    ec2 = sandbox.as_it_comes()
    with planned(sandbox, fault("capacity", zones=[f"{REGION}a"], instance_types=["t3.*"])) as struck:
        with counted(sandbox, "RunInstances") as seen:
            others = f"choosing {REGION}b, {REGION}c."
            refused(lambda: ec2.run_instances(**ONE, **in_zone("a")), "InsufficientInstanceCapacity", others, 500)
        assert (seen.calls, seen.launched) == (ATTEMPTS, 0), seen
        assert struck() == [ATTEMPTS], struck()
        # Another zone, another type: what the message says to do works.
        assert ec2.run_instances(**ONE, **in_zone("b"))["Instances"][0]["Placement"]["AvailabilityZone"] == f"{REGION}b"
        launch(ec2, LINUX, "m7i.large", **in_zone("a"))
    with planned(sandbox, fault("capacity", available=2)), counted(sandbox, "RunInstances") as seen:
        assert len(ec2.run_instances(**{**ONE, "MaxCount": 5})["Instances"]) == 2
        refused(
            lambda: ec2.run_instances(**{**ONE, "MinCount": 3, "MaxCount": 5}),
            "InsufficientInstanceCapacity",
            status=500,
        )
    assert (seen.calls, seen.launched) == (1 + ATTEMPTS, 2), seen
    # What passes is ridden out, and launches once.
    with planned(sandbox, fault("capacity", count=2)), counted(sandbox, "RunInstances") as seen:
        launch(ec2, LINUX)
    assert (seen.calls, seen.launched) == (ATTEMPTS, 1), seen


def invisible(sandbox):
    """A new instance that no call finds yet: NotFound, which EC2's waiters know how to wait out."""
    ec2 = sandbox.as_it_comes()
    with planned(sandbox, fault("invisible", least="60s", most="90s", actions=HERE)):
        ids = launch(ec2, LINUX)
        for call in [
            lambda: ec2.describe_instances(InstanceIds=ids),
            lambda: ec2.describe_instance_status(InstanceIds=ids),
            lambda: ec2.terminate_instances(InstanceIds=ids),
        ]:
            refused(call, "InvalidInstanceID.NotFound", ids[0])
        assert not [i for i in instances(ec2) if i["InstanceId"] in ids]
        assert ids[0] in [each["instance_id"] for each in sandbox.region()["instances"]], "it exists all the same"
        wait(ec2, "instance_exists", ids)
        wait(ec2, "instance_running", ids)


def immediate_terminations(sandbox):
    """Every launch failure: pending, then terminated, with the reason that EC2 gives, and a waiter that notices."""
    ec2 = sandbox.as_it_comes()
    for cause, code, said in [
        ("kms", "Client.InternalError", "Client.InternalError: Client error on launch"),
        ("snapshot", "Client.InvalidSnapshot.NotFound", "Client.InvalidSnapshot.NotFound"),
        ("volume-limit", "Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded"),
        ("internal", "Server.InternalError", "Server.InternalError"),
        ("image-part", "Server.InternalError", "Server.InternalError"),
    ]:
        with planned(sandbox, fault("immediate-termination", cause=cause)):
            answer = ec2.run_instances(**ONE)
            assert answer["Instances"][0]["State"]["Name"] == "pending", cause
            ids = [answer["Instances"][0]["InstanceId"]]
            sandbox.advance(5)
            try:
                ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
            except WaiterError as error:
                assert "terminal failure" in str(error), error
            else:
                raise AssertionError(f"{cause}: it came up")
            [instance] = instances(ec2, InstanceIds=ids)
            reason = instance["StateReason"]
            assert reason["Code"] == code and said in reason["Message"], (cause, reason)


def failing_checks(sandbox):
    """Each check can fail for good, or later and for a while; the instance runs on."""
    ec2 = sandbox.as_it_comes()
    members = {"instance": "InstanceStatus", "system": "SystemStatus", "attached-ebs": "AttachedEbsStatus"}
    for check, member in members.items():
        with planned(sandbox, fault("checks-fail", check=check)):
            [never] = launch(ec2, LINUX)
        with planned(sandbox, fault("impaired-later", check=check, at="1h", lasting="1h")):
            [later] = launch(ec2, LINUX)
        statuses = lambda one: {each: status_of(ec2, one)[each]["Status"] for each in members.values()}  # noqa: E731
        wait(ec2, "instance_running", [never, later])
        sandbox.advance(30)
        ok = dict.fromkeys(members.values(), "ok")
        assert statuses(never) == {**ok, member: "impaired"}, (check, statuses(never))
        assert statuses(later) == ok, (check, statuses(later))
        [detail] = status_of(ec2, never)[member]["Details"]
        assert detail["Status"] == "failed" and detail["ImpairedSince"], detail
        found = ec2.describe_instance_status(Filters=[{"Name": f"{check}-status.status", "Values": ["impaired"]}])
        assert never in [each["InstanceId"] for each in found["InstanceStatuses"]], check
        # An hour after launch is a minute of the clock.
        sandbox.advance(45)
        assert statuses(later) == {**ok, member: "impaired"}, (check, statuses(later))
        sandbox.advance(60)
        assert statuses(later) == ok and statuses(never)[member] == "impaired", check
        assert state_of(ec2, never)[0] == "running"


def slow_boot(sandbox):
    """A boot that takes a thousand times as long is pending when others run, and comes up in the end."""
    ec2 = sandbox.as_it_comes()
    with planned(sandbox, fault("slow-boot", factor=1000.0, count=1)):
        late, early = launch(ec2, LINUX), launch(ec2, LINUX)
    wait(ec2, "instance_running", early)
    assert state_of(ec2, late[0])[0] == "pending"
    sandbox.advance(3000)
    wait(ec2, "instance_running", late)


def ends_from_outside(sandbox):
    """A spot interruption and a shutdown from within, each with its reason; what was not spot is left alone."""
    ec2 = sandbox.as_it_comes()
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    with planned(sandbox, fault("spot-interruption", at="30m")):
        [taken], [left] = launch(ec2, LINUX, **spot), launch(ec2, LINUX)
    with planned(sandbox, fault("guest-shutdown", at="30m")):
        [stops] = launch(ec2, LINUX)
        [ends] = launch(ec2, LINUX, InstanceInitiatedShutdownBehavior="terminate")
    wait(ec2, "instance_running", [taken, left, stops, ends])
    sandbox.advance(60)
    for instance_id, state, code in [
        (taken, "terminated", "Server.SpotInstanceTermination"),
        (stops, "stopped", "Client.InstanceInitiatedShutdown"),
        (ends, "terminated", "Client.InstanceInitiatedShutdown"),
    ]:
        until(f"{instance_id} {state}", lambda one=instance_id, state=state: state_of(ec2, one)[0] == state)
        [instance] = instances(ec2, InstanceIds=[instance_id])
        assert instance["StateReason"]["Code"] == code, instance["StateReason"]
    assert state_of(ec2, left)[0] == "running"


def scheduled_events(sandbox):
    """A scheduled event is announced by DescribeInstanceStatus and found by its filters."""
    ec2 = sandbox.as_it_comes()
    with planned(sandbox, fault("scheduled-event", code="instance-retirement", not_before="10h", not_after="12h")):
        ids = launch(ec2, LINUX)
    wait(ec2, "instance_running", ids)
    [event] = status_of(ec2, ids[0])["Events"]
    assert event["Code"] == "instance-retirement" and event["Description"], event
    assert event["NotBefore"] < event["NotAfter"] and event["InstanceEventId"].startswith("instance-event-"), event
    found = ec2.describe_instance_status(Filters=[{"Name": "event.code", "Values": ["instance-retirement"]}])
    assert [each["InstanceId"] for each in found["InstanceStatuses"]] == ids


def zone_outage(sandbox):
    """While a zone is out: no launches there and none by regional tokens, impaired checks; afterwards all is as before."""
    ec2 = sandbox.as_it_comes()
    [inside], [outside] = launch(ec2, LINUX, **in_zone("b")), launch(ec2, LINUX, **in_zone("a"))
    wait(ec2, "instance_status_ok", [inside, outside])
    with planned(sandbox, fault("az-outage", zones=[f"{REGION}b"])):
        sandbox.advance(10)
        with counted(sandbox, "RunInstances") as seen:
            for where in [in_zone("b"), {"ClientToken": "interop-outage"}]:
                assert fails(lambda where=where: ec2.run_instances(**ONE, **where)) >= 500
            assert ec2.run_instances(**ONE, **in_zone("a"))["Instances"]
        assert seen.launched == 1 and seen.calls == 2 * ATTEMPTS + 1, seen
        with counted(sandbox, "DescribeInstances") as seen:
            refused(lambda: ec2.describe_instances(), "Unavailable", status=503)
        assert seen.calls == ATTEMPTS, seen
        # By id it can still be asked.
        assert state_of(ec2, outside)[0] == "running"
        assert status_of(ec2, inside)["InstanceStatus"]["Status"] == "impaired"
        assert status_of(ec2, outside)["InstanceStatus"]["Status"] == "ok"
        zones = {zone["ZoneName"]: zone["State"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
        assert zones == {f"{REGION}a": "available", f"{REGION}b": "impaired", f"{REGION}c": "available"}, zones
    assert ec2.describe_instances()["Reservations"]
    wait(ec2, "instance_status_ok", [inside])
    assert ec2.run_instances(**ONE, ClientToken="interop-outage")["Instances"]


def fails(call):
    """The HTTP status of a refusal."""
    try:
        call()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError("it works")


def throttling(sandbox):
    """EC2's buckets: calls beyond them are RequestLimitExceeded, and boto3's retries ride a short burst out."""
    patient, ec2 = sandbox.as_it_comes(), sandbox.ec2
    with planned(sandbox, "[throttle]\n"), counted(sandbox, "RunInstances") as seen:
        # Five at once, and two more each second, which the speed makes 120.
        with concurrent.futures.ThreadPoolExecutor(10) as threads:
            list(threads.map(lambda _: patient.run_instances(**ONE), range(10)))
    assert seen.launched == 10 and seen.calls >= 10, seen
    frugal = "[throttle]\n[throttle.actions.RunInstances]\nmaximum = 2\nrefill_per_second = 0.001\n"
    with planned(sandbox, frugal), counted(sandbox, "RunInstances") as seen:
        for _ in range(2):
            ec2.run_instances(**ONE)
        refused(lambda: ec2.run_instances(**ONE), "RequestLimitExceeded", status=503)
        refused(lambda: patient.run_instances(**ONE), "RequestLimitExceeded", status=503)
    assert seen.launched == 2 and seen.answers == {"200": 2, "RequestLimitExceeded": 1 + ATTEMPTS}, seen
    few = "[throttle]\n[throttle.actions.RunInstances]\nresources_maximum = 10\nresources_refill_per_second = 0.001\n"
    with planned(sandbox, few):
        refused(
            lambda: ec2.run_instances(**{**ONE, "MinCount": 11, "MaxCount": 11}), "RequestLimitExceeded", status=503
        )
        launch(ec2, LINUX, count=10)
        refused(lambda: ec2.run_instances(**ONE), "RequestLimitExceeded", status=503)
    with planned(sandbox, "[throttle]\n[throttle.actions.DescribeImages]\nmaximum = 1\nrefill_per_second = 0.001\n"):
        ec2.describe_images(ImageIds=[LINUX])
        refused(lambda: ec2.describe_images(ImageIds=[LINUX]), "RequestLimitExceeded", "Request limit exceeded.", 503)


def account_limits(sandbox):
    """What an account is allowed: vCPU and instance quotas, no default VPC, IMDSv2 enforced."""
    ec2 = sandbox.as_it_comes()
    wait(ec2, "instance_terminated", [c["InstanceId"] for c in ec2.terminate_instances(
        InstanceIds=[i["InstanceId"] for i in instances(ec2) if i["State"]["Name"] != "terminated"])["TerminatingInstances"]])  # fmt: skip
    with (
        planned(sandbox, "[account.vcpus]\nstandard = 5\nspot_standard = 2\n"),
        counted(sandbox, "RunInstances") as seen,
    ):
        launch(ec2, LINUX, "t3.micro", 2)
        refused(lambda: launch(ec2, LINUX, "t3.micro"), "VcpuLimitExceeded", "vCPU", 400)
        spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
        launch(ec2, LINUX, "t3.micro", **spot)
        refused(lambda: launch(ec2, LINUX, "t3.micro", **spot), "MaxSpotInstanceCountExceeded", status=400)
    assert seen.launched == 3 and seen.calls == 4, seen
    with planned(sandbox, "[account]\ninstances = 4\n"):
        launch(ec2, LINUX, "t3.micro")
        refused(lambda: launch(ec2, LINUX, "t3.micro"), "InstanceLimitExceeded", status=400)
    with planned(sandbox, "[account]\nhttp_tokens_enforced = true\n"):
        # The arm64 image does not ask for IMDSv2 less than the other: both say v2.0; a request can say otherwise.
        optional = {"MetadataOptions": {"HttpTokens": "optional"}}
        refused(lambda: launch(ec2, LINUX_ARM64, "t4g.micro", **optional), "UnsupportedOperation", "httpTokensEnforced")
        launch(ec2, LINUX_ARM64, "t4g.micro")
    with planned(sandbox, "[account]\ndefault_vpc = false\n"):
        assert not [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if vpc["IsDefault"]]
        refused(lambda: launch(ec2, LINUX), "VPCIdNotSpecified")


CHECKS = [
    capacity,
    invisible,
    immediate_terminations,
    failing_checks,
    slow_boot,
    ends_from_outside,
    scheduled_events,
    zone_outage,
    throttling,
    account_limits,
]
