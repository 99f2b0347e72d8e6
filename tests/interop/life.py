"""The life of an instance as boto3's waiters see it: launch, checks, console, stop, start, reboot, terminate."""

import base64
import datetime

from botocore.exceptions import WaiterError
from clients import WAIT, instances, launch, refused, until, wait
from landmarks import BROKEN_VOLUME, ENCRYPTED, HVM_INSTANCE_STORE, LINUX, NEVER_READY, PARAVIRTUAL, SELF_OWNED


def state_of(ec2, instance_id):
    """Name and code of an instance's state."""
    [instance] = instances(ec2, InstanceIds=[instance_id])
    return instance["State"]["Name"], instance["State"]["Code"]


def status_of(ec2, instance_id):
    [status] = ec2.describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)["InstanceStatuses"]
    return status


def changes(answer, member):
    """From which state to which, by instance."""
    return {
        change["InstanceId"]: (change["PreviousState"]["Name"], change["CurrentState"]["Name"])
        for change in answer[member]
    }


def birth(sandbox):
    """A launch is pending, then running, then checked, with every fact that boto3's users read."""
    ec2 = sandbox.ec2
    tags = [{"Key": "purpose", "Value": "interop"}]
    specification = [{"ResourceType": "instance", "Tags": tags}, {"ResourceType": "volume", "Tags": tags}]
    asked = datetime.datetime.now(datetime.UTC)
    answer = ec2.run_instances(
        ImageId=LINUX, MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=specification
    )
    [instance] = answer["Instances"]
    ids = [instance["InstanceId"]]
    assert (instance["State"]["Name"], instance["State"]["Code"]) == ("pending", 0), instance["State"]
    assert instance["StateReason"] == {"Code": "pending", "Message": "pending"}, instance["StateReason"]
    assert abs(instance["LaunchTime"] - asked) < datetime.timedelta(hours=2), instance["LaunchTime"]
    assert "PublicIpAddress" not in instance and instance["PrivateIpAddress"].startswith("172.31."), instance
    assert (
        ec2.describe_instance_status(InstanceIds=ids)["InstanceStatuses"] == [] or state_of(ec2, ids[0])[0] == "running"
    )
    for waiter in ["instance_exists", "instance_running", "instance_status_ok", "system_status_ok"]:
        wait(ec2, waiter, ids)
    [instance] = instances(ec2, InstanceIds=ids)
    assert instance["State"] == {"Name": "running", "Code": 16}, instance["State"]
    assert not instance.get("StateReason") and instance["StateTransitionReason"] == "", instance
    for member in [
        "PublicIpAddress",
        "PublicDnsName",
        "PrivateDnsName",
        "SubnetId",
        "VpcId",
        "CurrentInstanceBootMode",
        "UsageOperation",
    ]:
        assert instance.get(member), f"{member} is missing"
    [interface] = instance["NetworkInterfaces"]
    assert (
        interface["Attachment"]["Status"] == "attached"
        and interface["PrivateIpAddress"] == instance["PrivateIpAddress"]
    )
    [volume] = instance["BlockDeviceMappings"]
    assert volume["DeviceName"] == instance["RootDeviceName"] and volume["Ebs"]["Status"] == "attached", volume
    status = status_of(ec2, ids[0])
    checks = [status[check]["Status"] for check in ("SystemStatus", "InstanceStatus", "AttachedEbsStatus")]
    assert checks == ["ok"] * 3, status
    assert status["SystemStatus"]["Details"] == [{"Name": "reachability", "Status": "passed"}], status
    found = {
        (tag["ResourceType"], tag["Key"])
        for tag in ec2.describe_tags(Filters=[{"Name": "value", "Values": ["interop"]}])["Tags"]
    }
    assert found == {("instance", "purpose"), ("volume", "purpose")}, found
    ec2.create_tags(Resources=ids, Tags=[{"Key": "late", "Value": "yes"}])
    [found] = instances(ec2, Filters=[{"Name": "tag:late", "Values": ["yes"]}])
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"purpose": "interop", "late": "yes"}, found["Tags"]


def console(sandbox):
    """Console output is base64, comes late, and `Latest` is for Nitro only."""
    ec2 = sandbox.ec2
    nitro, xen = launch(ec2, LINUX), launch(ec2, PARAVIRTUAL, "t1.micro")
    first = ec2.get_console_output(InstanceId=nitro[0])
    assert first["InstanceId"] == nitro[0] and not first.get("Output"), "a console that shows a boot before it happened"
    wait(ec2, "instance_running", nitro + xen)
    for instance_id in nitro + xen:
        output = until("console output", lambda one=instance_id: ec2.get_console_output(InstanceId=one).get("Output"))
        # boto3 decodes it.
        assert "Linux" in output or "cloud-init" in output, output[:200]
    raw = []
    ec2.meta.events.register(
        "before-parse.ec2.GetConsoleOutput", lambda response_dict, **_: raw.append(response_dict["body"])
    )
    ec2.get_console_output(InstanceId=nitro[0], Latest=True)
    encoded = raw[-1].split(b"<output>")[1].split(b"</output>")[0]
    assert b"Linux" in base64.b64decode(encoded)
    refused(lambda: ec2.get_console_output(InstanceId=xen[0], Latest=True), "UnsupportedOperation")
    refused(lambda: ec2.get_console_output(InstanceId="i-0123456789abcdef0"), "InvalidInstanceID.NotFound")


def stop_and_start(sandbox):
    """Stopped and started: states, reasons, addresses and both waiters; stopping twice is no error."""
    ec2 = sandbox.ec2
    ids = launch(ec2, LINUX, count=2)
    wait(ec2, "instance_running", ids)
    [before, _] = instances(ec2, InstanceIds=ids)
    stopped = changes(ec2.stop_instances(InstanceIds=ids), "StoppingInstances")
    assert set(stopped.values()) == {("running", "stopping")}, stopped
    again = changes(ec2.stop_instances(InstanceIds=ids), "StoppingInstances")
    assert {change[0] for change in again.values()} <= {"stopping", "stopped"}, again
    wait(ec2, "instance_stopped", ids)
    assert state_of(ec2, ids[0]) == ("stopped", 80)
    [instance, _] = instances(ec2, InstanceIds=ids)
    assert instance["StateReason"]["Code"] == "Client.UserInitiatedShutdown", instance["StateReason"]
    assert instance["StateTransitionReason"].startswith("User initiated ("), instance["StateTransitionReason"]
    assert instance["PrivateIpAddress"] == before["PrivateIpAddress"] and "PublicIpAddress" not in instance, instance
    assert instance["BlockDeviceMappings"] and instance["NetworkInterfaces"], (
        "a stopped instance keeps volumes and interface"
    )
    assert ec2.describe_instance_status(InstanceIds=ids)["InstanceStatuses"] == []
    assert status_of(ec2, ids[0])["InstanceStatus"]["Status"] == "not-applicable"
    refused(lambda: ec2.reboot_instances(InstanceIds=ids), "IncorrectInstanceState")
    started = changes(ec2.start_instances(InstanceIds=ids), "StartingInstances")
    assert set(started.values()) == {("stopped", "pending")}, started
    wait(ec2, "instance_running", ids)
    [instance, _] = instances(ec2, InstanceIds=ids)
    assert instance["LaunchTime"] > before["LaunchTime"], "a start is a new launch time"
    assert instance["PublicIpAddress"] != before["PublicIpAddress"], "a start brings a new public address"
    assert instance["PrivateIpAddress"] == before["PrivateIpAddress"]
    already = changes(ec2.start_instances(InstanceIds=ids), "StartingInstances")
    assert set(already.values()) == {("running", "running")}, already
    wait(ec2, "instance_status_ok", ids)
    ec2.stop_instances(InstanceIds=ids[:1], Force=True)
    wait(ec2, "instance_stopped", ids[:1])
    ended = changes(ec2.terminate_instances(InstanceIds=ids), "TerminatingInstances")
    # What does not run has nothing to shut down.
    assert ended[ids[0]] in [("stopped", "terminated"), ("stopped", "shutting-down")], ended
    wait(ec2, "instance_terminated", ids)
    refused(lambda: ec2.start_instances(InstanceIds=ids), "IncorrectInstanceState")
    refused(lambda: ec2.stop_instances(InstanceIds=ids), "IncorrectInstanceState")


def reboot(sandbox):
    """A reboot keeps the state running, and the checks pass again."""
    ec2 = sandbox.ec2
    ids = launch(ec2, SELF_OWNED)
    wait(ec2, "instance_status_ok", ids)
    [before] = instances(ec2, InstanceIds=ids)
    ec2.reboot_instances(InstanceIds=ids)
    [after] = instances(ec2, InstanceIds=ids)
    assert after["State"]["Name"] == "running" and after["LaunchTime"] == before["LaunchTime"], after["State"]
    assert after["PublicIpAddress"] == before["PublicIpAddress"]
    wait(ec2, "instance_status_ok", ids)


def what_cannot_stop(sandbox):
    """An instance-store root cannot be stopped, and hibernation must have been asked for at launch."""
    ec2 = sandbox.ec2
    store, plain = launch(ec2, HVM_INSTANCE_STORE, "m3.medium"), launch(ec2, LINUX)
    sleeper = launch(ec2, ENCRYPTED, "m7i.large", HibernationOptions={"Configured": True})
    wait(ec2, "instance_running", store + plain + sleeper)
    refused(lambda: ec2.stop_instances(InstanceIds=store), "UnsupportedOperation")
    refused(lambda: ec2.stop_instances(InstanceIds=plain, Hibernate=True), "UnsupportedHibernationConfiguration")
    # All or none.
    refused(lambda: ec2.stop_instances(InstanceIds=plain + store), "UnsupportedOperation")
    assert state_of(ec2, plain[0])[0] == "running"
    wait(ec2, "instance_status_ok", sleeper)
    until(
        "an instance ready to hibernate",
        lambda: changes(ec2.stop_instances(InstanceIds=sleeper, Hibernate=True), "StoppingInstances"),
    )
    wait(ec2, "instance_stopped", sleeper)
    [instance] = instances(ec2, InstanceIds=sleeper)
    assert instance["StateReason"]["Code"] == "Client.UserInitiatedHibernate", instance["StateReason"]
    ec2.start_instances(InstanceIds=sleeper)
    wait(ec2, "instance_running", sleeper)


def end(sandbox):
    """A terminated instance is seen for a while, without network and volumes; protection keeps one from it."""
    ec2 = sandbox.ec2
    ids, kept = launch(ec2, LINUX, count=2), launch(ec2, LINUX, DisableApiTermination=True)
    wait(ec2, "instance_running", ids + kept)
    refused(lambda: ec2.terminate_instances(InstanceIds=kept), "OperationNotPermitted", "disableApiTermination")
    ended = changes(ec2.terminate_instances(InstanceIds=ids), "TerminatingInstances")
    assert set(ended.values()) == {("running", "shutting-down")}, ended
    wait(ec2, "instance_terminated", ids)
    # Twice is no error.
    assert set(changes(ec2.terminate_instances(InstanceIds=ids), "TerminatingInstances").values()) == {
        ("terminated", "terminated")
    }
    for instance in instances(ec2, InstanceIds=ids):
        assert instance["State"] == {"Name": "terminated", "Code": 48}, instance["State"]
        assert instance["StateReason"]["Code"] == "Client.UserInitiatedShutdown", instance["StateReason"]
        assert not instance["BlockDeviceMappings"] and not instance["NetworkInterfaces"] and "SubnetId" not in instance
    refused(lambda: ec2.terminate_instances(InstanceIds=["i-0123456789abcdef0"]), "InvalidInstanceID.NotFound")
    refused(lambda: ec2.terminate_instances(InstanceIds=["i-1"]), "InvalidInstanceID.Malformed")


def failures(sandbox):
    """A broken image goes from pending to terminated and EC2's waiter notices; one that never gets ready stays impaired."""
    ec2 = sandbox.ec2
    broken, never = launch(ec2, BROKEN_VOLUME), launch(ec2, NEVER_READY)
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=broken, WaiterConfig=WAIT)
    except WaiterError as error:
        assert "terminal failure" in str(error), error
    else:
        raise AssertionError("an instance with a broken volume came up")
    [instance] = instances(ec2, InstanceIds=broken)
    assert instance["StateReason"]["Code"].startswith(("Server.", "Client.")), instance["StateReason"]
    status = until(
        "impaired", lambda: [s for s in [status_of(ec2, never[0])] if s["InstanceStatus"]["Status"] == "impaired"]
    )[0]
    [detail] = status["InstanceStatus"]["Details"]
    assert detail["Status"] == "failed" and detail["ImpairedSince"], detail
    assert status["SystemStatus"]["Status"] == "ok" and state_of(ec2, never[0])[0] == "running"


CHECKS = [birth, console, stop_and_start, reboot, what_cannot_stop, end, failures]
