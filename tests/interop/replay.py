"""What outlives a sandbox: its state in `--data-dir`, and a recording that can be asked again."""

import json
import os
import pathlib
import subprocess
import tempfile

from clients import JUDGE, Sandbox, instances, launch, refused, wait
from faults import ONE, fault, works
from landmarks import BROKEN_VOLUME, LINUX, SELF_OWNED

REPLAY_SECONDS = 120


def shape(ec2):
    """What of all instances must be the same after a restart."""
    keys = [
        "InstanceId", "ImageId", "InstanceType", "State", "StateReason", "PrivateIpAddress", "LaunchTime", "Tags",
        "BlockDeviceMappings", "ReservationId", "ClientToken", "StateTransitionReason",
    ]  # fmt: skip
    return [{key: instance.get(key) for key in keys} for instance in instances(ec2)]


def restart(sandbox):
    """A restarted sandbox has its instances, tokens, tags and templates, and time goes on."""
    with tempfile.TemporaryDirectory() as directory:
        words = ["--data-dir", f"{directory}/state"]
        call = {**ONE, "ClientToken": "interop-restart", "MinCount": 2, "MaxCount": 2}
        with Sandbox(*words) as before:
            ec2 = before.ec2
            ids = [instance["InstanceId"] for instance in ec2.run_instances(**call)["Instances"]]
            stopped, gone = launch(ec2, LINUX), launch(ec2, LINUX)
            failed = launch(ec2, BROKEN_VOLUME)
            wait(ec2, "instance_status_ok", ids + stopped + gone)
            ec2.create_tags(Resources=[ids[0], SELF_OWNED], Tags=[{"Key": "kept", "Value": "yes"}])
            ec2.stop_instances(InstanceIds=stopped)
            ec2.terminate_instances(InstanceIds=gone)
            wait(ec2, "instance_stopped", stopped)
            wait(ec2, "instance_terminated", gone + failed)
            ec2.create_launch_template(
                LaunchTemplateName="kept", LaunchTemplateData={"ImageId": LINUX, "InstanceType": "t3.micro"}
            )
            was, tokens = shape(ec2), before.region()["client_tokens"]
            image = ec2.describe_images(ImageIds=[SELF_OWNED])["Images"]
        with Sandbox(*words) as after:
            ec2 = after.ec2
            assert shape(ec2) == was, "instances differ"
            assert after.region()["client_tokens"] == tokens, "tokens differ"
            assert ec2.describe_images(ImageIds=[SELF_OWNED])["Images"] == image, "the image differs"
            assert len(instances(ec2, Filters=[{"Name": "tag:kept", "Values": ["yes"]}])) == 1
            assert sorted(instance["InstanceId"] for instance in ec2.run_instances(**call)["Instances"]) == sorted(ids)
            refused(lambda: ec2.run_instances(**{**call, "InstanceType": "t3.small"}), "IdempotentParameterMismatch")
            [template] = ec2.describe_launch_templates()["LaunchTemplates"]
            [instance] = ec2.run_instances(
                LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"]}, MinCount=1, MaxCount=1
            )["Instances"]
            assert instance["InstanceId"] not in [each["InstanceId"] for each in was], "an id came twice"
            ec2.start_instances(InstanceIds=stopped)
            wait(ec2, "instance_running", stopped + [instance["InstanceId"]])


def replayed(recording):
    """`gantry sandbox --replay`."""
    command = [os.environ["GANTRY_BINARY"], "sandbox", "--replay", recording]
    return subprocess.run(command, capture_output=True, text=True, timeout=REPLAY_SECONDS)


def recorded_run(sandbox):
    """A run that meets everything: launches, faults, jumps of the clock, changes of the plan, refusals."""
    ec2 = sandbox.ec2
    ec2.describe_images(Owners=["self"])
    list(ec2.get_paginator("describe_images").paginate(PaginationConfig={"PageSize": 100}))
    ids = launch(ec2, LINUX, count=3, ClientToken="interop-recorded", UserData="echo")
    sandbox.advance(5)
    ec2.describe_instance_status(IncludeAllInstances=True)
    plan = [
        fault("error", code="Unavailable", status=503, actions=["DescribeVpcs"], probability=0.5),
        fault("reply-lost", actions=["TerminateInstances"], count=1),
        fault("capacity", available=1, actions=["RunInstances"], count=1),
        fault("immediate-termination", cause="kms", probability=0.5),
    ]
    sandbox.faults("\n".join(plan))
    for _ in range(10):
        works(ec2.describe_vpcs)
    ec2.run_instances(**{**ONE, "MaxCount": 4})
    launch(ec2, LINUX, count=4)
    sandbox.as_it_comes().terminate_instances(InstanceIds=ids[:1])
    sandbox.no_faults()
    refused(lambda: ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"]), "InvalidInstanceID.NotFound")
    ec2.stop_instances(InstanceIds=ids[1:])
    sandbox.advance(60)
    ec2.get_console_output(InstanceId=ids[1])
    ec2.create_tags(Resources=ids[1:], Tags=[{"Key": "a", "Value": "b"}])
    sandbox.client("sts").get_caller_identity()
    instances(ec2)


def record_and_replay(sandbox):
    """A recorded run is answered to the byte when it is asked again; a changed answer is found."""
    with tempfile.TemporaryDirectory() as directory:
        recording = pathlib.Path(directory) / "run.jsonl"
        with Sandbox("--record", recording) as recorder:
            recorded_run(recorder)
            calls = sum(recorder.state()["calls"].values())
        text = recording.read_text()
        lines = text.splitlines()
        assert all(json.loads(line) for line in lines) and len(lines) > calls, len(lines)
        # What proves who asked is not written down.
        assert "Signature=" not in text and "X-Amz-Signature" not in text
        done = replayed(recording)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{calls} of {calls} calls answered as recorded" in done.stdout, (calls, done.stdout)
        changed = [line.replace("interop-recorded", "interop-recalled") for line in lines]
        recording.write_text("\n".join(changed) + "\n")
        assert replayed(recording).returncode == 1, "a changed recording is answered as it was recorded"
        recording.write_text("no recording\n")
        assert replayed(recording).returncode not in (0, None)
    JUDGE.settle()


CHECKS = [record_and_replay, restart]
