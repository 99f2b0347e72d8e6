"""Every fault of calls, seen by boto3 with the retries that it comes with."""

import contextlib
import json
import time
import types

import boto3
import botocore.config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from clients import JUDGE, REGION, instances, launch, refused, wait
from landmarks import LINUX

ONE = {"ImageId": LINUX, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
# What boto3 does by itself: the first call and two more.
ATTEMPTS = 3


def fault(kind, **keys):
    """One fault of a plan, in TOML. JSON's texts, numbers and lists are TOML's too."""
    return (
        "\n".join(["[[fault]]", f'kind = "{kind}"', *(f"{key} = {json.dumps(value)}" for key, value in keys.items())])
        + "\n"
    )


@contextlib.contextmanager
def planned(sandbox, *parts):
    """A plan while the block lasts; tells how often its faults struck."""
    sandbox.faults("\n".join(parts))
    try:
        yield lambda: [each["struck"] for each in sandbox.state()["faults"]]
    finally:
        sandbox.no_faults()


@contextlib.contextmanager
def counted(sandbox, action):
    """How many calls of an action the sandbox got in the block, what it answered, and how many instances there are more."""
    before = sandbox.state()
    seen = types.SimpleNamespace(calls=0, answers={}, launched=0)
    yield seen
    after = sandbox.state()
    answers = lambda state: state["answers"].get(action, {})  # noqa: E731
    seen.calls = after["calls"].get(action, 0) - before["calls"].get(action, 0)
    changed = {answer: count - answers(before).get(answer, 0) for answer, count in answers(after).items()}
    seen.answers = {answer: count for answer, count in changed.items() if count}
    seen.launched = len(after["regions"][REGION]["instances"]) - len(before["regions"][REGION]["instances"])


def ridden_out(sandbox):
    """Errors that pass, from EC2 and from a proxy before it: boto3 asks again and its caller sees nothing of them."""
    for kind, keys, answer in [
        ("error", {"code": "InternalError", "status": 500}, "InternalError"),
        ("error", {"code": "Unavailable", "status": 503, "message": "The service is unavailable"}, "Unavailable"),
        ("error", {"code": "RequestLimitExceeded", "status": 503}, "RequestLimitExceeded"),
        ("error", {"code": "RequestLimitExceeded", "status": 400}, "RequestLimitExceeded"),
        ("html", {"status": 502}, None),
        ("html", {"status": 504}, None),
    ]:
        ec2 = sandbox.as_it_comes()
        with (
            planned(sandbox, fault(kind, **keys, actions=["RunInstances"], count=2)) as struck,
            JUDGE.expecting_damage() if kind == "html" else contextlib.nullcontext(),
            counted(sandbox, "RunInstances") as seen,
        ):
            launched = ec2.run_instances(**ONE)
            assert struck() == [2], struck()
        assert launched["ResponseMetadata"]["RetryAttempts"] == 2, launched["ResponseMetadata"]
        assert (seen.calls, seen.launched) == (ATTEMPTS, 1), (kind, keys, seen)
        assert answer is None or seen.answers == {answer: 2, "200": 1}, seen.answers


def not_ridden_out(sandbox):
    """An error that stays is the caller's after three calls, and one that is the caller's fault after one."""
    for kind, keys, calls, code, status in [
        ("error", {"code": "InternalError", "status": 500}, ATTEMPTS, "InternalError", 500),
        ("error", {"code": "InvalidParameterValue", "status": 400}, 1, "InvalidParameterValue", 400),
        ("error", {"code": "AuthFailure", "status": 401}, 1, "AuthFailure", 401),
        # A page of HTML has no code; botocore takes the status.
        ("html", {"status": 502}, ATTEMPTS, "502", 502),
    ]:
        ec2 = sandbox.as_it_comes()
        with (
            planned(sandbox, fault(kind, **keys, actions=["DescribeImages"])),
            JUDGE.expecting_damage() if kind == "html" else contextlib.nullcontext(),
            counted(sandbox, "DescribeImages") as seen,
        ):
            try:
                ec2.describe_images(ImageIds=[LINUX])
            except ClientError as error:
                got = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
                assert got == (code, status), got
            else:
                raise AssertionError(f"{code}: nothing seen of it")
        assert seen.calls == calls, (kind, keys, seen.calls)


def reply_lost(sandbox):
    """A lost reply of RunInstances: boto3 asks again with the token that it made, and there is one launch."""
    for kind, keys in [
        ("reply-lost", {}),
        ("connection-reset", {"after_bytes": 0}),
        ("connection-reset", {"after_bytes": 700}),
    ]:
        ec2 = sandbox.as_it_comes()
        with planned(sandbox, fault(kind, **keys, actions=["RunInstances"], count=2)) as struck:
            with counted(sandbox, "RunInstances") as seen:
                launched = ec2.run_instances(**{**ONE, "MinCount": 2, "MaxCount": 2})
            assert struck() == [2], struck()
        assert (seen.calls, seen.launched) == (ATTEMPTS, 2), (kind, keys, seen)
        [made] = {instance["ClientToken"] for instance in launched["Instances"]}
        region = sandbox.region()
        [used] = [token for token in region["client_tokens"] if token["token"] == made]
        assert sorted(used["instance_ids"]) == sorted(instance["InstanceId"] for instance in launched["Instances"])
        tokens = [call["client_token"] for call in sandbox.state()["recent_calls"] if call["action"] == "RunInstances"]
        assert tokens[-ATTEMPTS:] == [made] * ATTEMPTS, tokens[-ATTEMPTS:]


def reply_lost_for_good(sandbox):
    """Every reply lost: the caller sees a closed connection, and finds by its own token what was launched."""
    ec2 = sandbox.as_it_comes()
    call = {**ONE, "ClientToken": "interop-lost"}
    with planned(sandbox, fault("reply-lost", actions=["RunInstances"])), counted(sandbox, "RunInstances") as seen:
        try:
            ec2.run_instances(**call)
        except ConnectionClosedError:
            pass
        else:
            raise AssertionError("an answer came")
    assert (seen.calls, seen.launched) == (ATTEMPTS, 1), seen
    [found] = instances(ec2, Filters=[{"Name": "client-token", "Values": ["interop-lost"]}])
    # Asked once more the launch is still the same one.
    assert ec2.run_instances(**call)["Instances"][0]["InstanceId"] == found["InstanceId"]
    # What is idempotent by nature is so here too.
    with planned(sandbox, fault("reply-lost", actions=["TerminateInstances"], count=1)):
        with counted(sandbox, "TerminateInstances") as seen:
            [change] = ec2.terminate_instances(InstanceIds=[found["InstanceId"]])["TerminatingInstances"]
        assert seen.calls == 2 and change["PreviousState"]["Name"] in ("shutting-down", "terminated"), (seen, change)


def slow(sandbox):
    """A slow answer is waited for, or is a read timeout and asked for again: one launch."""
    ec2 = sandbox.as_it_comes()
    with planned(sandbox, fault("slow", delay="1s", actions=["DescribeImages"], count=1)):
        begun = time.monotonic()
        ec2.describe_images(ImageIds=[LINUX])
        assert time.monotonic() - begun >= 1, "it was not slow"
    hasty = boto3.client("ec2", config=botocore.config.Config(read_timeout=1))
    JUDGE.attach(hasty)
    with (
        planned(sandbox, fault("slow", delay="3s", actions=["RunInstances"], count=1)),
        counted(sandbox, "RunInstances") as seen,
    ):
        hasty.run_instances(**ONE)
    assert (seen.calls, seen.launched) == (2, 1), seen
    impatient = sandbox.client("ec2", read_timeout=1)
    with planned(sandbox, fault("slow", delay="3s", actions=["DescribeVpcs"])):
        try:
            impatient.describe_vpcs()
        except ReadTimeoutError:
            pass
        else:
            raise AssertionError("no timeout")


def denied(sandbox):
    """UnauthorizedOperation, for a dry run too; its encoded message is decoded by STS."""
    ec2, sts = sandbox.as_it_comes(), sandbox.as_it_comes("sts")
    with planned(sandbox, fault("denied", actions=["RunInstances"])), counted(sandbox, "RunInstances") as seen:
        for call in [ONE, {**ONE, "DryRun": True}]:
            refused(
                lambda call=call: ec2.run_instances(**call),
                "UnauthorizedOperation",
                "Encoded authorization failure message: ",
                403,
            )
        try:
            ec2.run_instances(**ONE)
        except ClientError as error:
            encoded = error.response["Error"]["Message"].split("Encoded authorization failure message: ")[1]
        decoded = json.loads(sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
        assert decoded["allowed"] is False and decoded["context"]["action"] == "ec2:RunInstances", decoded
        refused(
            lambda: sts.decode_authorization_message(EncodedMessage="nonsense"), "InvalidAuthorizationMessageException"
        )
    assert (seen.calls, seen.launched) == (3, 0), seen


def stale_reads(sandbox):
    """A stale read shows what was: no instance yet, and then a state that is over."""
    ec2 = sandbox.as_it_comes()
    ids = launch(ec2, LINUX)
    wait(ec2, "instance_running", ids)
    # Of sandbox time; the clock is a sixtieth of it.
    with planned(sandbox, fault("stale-read", by="1h", actions=["DescribeInstances"])):
        refused(lambda: ec2.describe_instances(InstanceIds=ids), "InvalidInstanceID.NotFound")
        assert not [i for i in instances(ec2) if i["InstanceId"] in ids]
        assert ec2.describe_instance_status(InstanceIds=ids)["InstanceStatuses"], "only DescribeInstances is stale"
    sandbox.advance(60)
    ec2.terminate_instances(InstanceIds=ids)
    wait(ec2, "instance_terminated", ids)
    with planned(sandbox, fault("stale-read", by="30m", actions=["DescribeInstances"])):
        [seen] = instances(ec2, InstanceIds=ids)
        assert seen["State"]["Name"] == "running" and seen["NetworkInterfaces"], seen["State"]


def short_pages(sandbox):
    """Pages that are short or empty and have a token: paginators go on, and find everything."""
    ec2 = sandbox.as_it_comes()
    launch(ec2, LINUX, count=12)
    for method, member, found in [
        ("describe_images", "Images", lambda page: [image["ImageId"] for image in page["Images"]]),
        (
            "describe_instances",
            "Reservations",
            lambda page: [i["InstanceId"] for r in page["Reservations"] for i in r["Instances"]],
        ),
    ]:
        whole = found(getattr(ec2, method)())
        operation = ec2.meta.method_to_api_mapping[method]
        plans = [fault("short-page", items=items, actions=[operation], count=2) for items in (0, 1)]
        with planned(sandbox, *plans) as struck:
            pages = [found(page) for page in ec2.get_paginator(method).paginate(PaginationConfig={"PageSize": 100})]
            assert sum(struck()) >= 2, struck()
        assert sorted(key for page in pages for key in page) == sorted(whole), f"{method}: something is missing"
        assert [] in pages[:-1], f"{member}: no page was empty"


def again_the_same(sandbox):
    """The same seed and the same calls meet the same faults."""
    ec2 = sandbox.ec2
    plan = "seed = 7\n" + fault("error", code="Unavailable", status=503, actions=["DescribeVpcs"], probability=0.5)
    runs = []
    for _ in range(2):
        with planned(sandbox, plan):
            runs.append([works(ec2.describe_vpcs) for _ in range(20)])
    assert runs[0] == runs[1] and len(set(runs[0])) == 2, runs


def works(call):
    try:
        call()
    except ClientError:
        return False
    return True


def bad_plans(sandbox):
    """A plan with errors is refused with all of them, and the one before stays."""
    good = fault("html", actions=["DescribeVpcs"], count=1)
    with planned(sandbox, good):
        bad = fault("capacity", available=-1) + fault("no-such-kind") + fault("slow") + fault("html", delay="3s")
        code, text = sandbox.http_answer("PUT", "/sandbox/faults", bad)
        errors = json.loads(text)["errors"]
        assert code == 400 and len(errors) >= 4, (code, errors)
        for number in (1, 2, 3, 4):
            assert any(f"fault {number}" in error for error in errors), errors
        assert sandbox.http("GET", "/sandbox/faults") == good
    assert sandbox.http("GET", "/sandbox/faults") == ""


CHECKS = [
    ridden_out,
    not_ridden_out,
    reply_lost,
    reply_lost_for_good,
    slow,
    denied,
    stale_reads,
    short_pages,
    again_the_same,
    bad_plans,
]
