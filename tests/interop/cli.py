"""The AWS CLI: the same key ways as boto3, by the words that people type."""

import base64
import json

from clients import REGION, aws, aws_raw, instances
from landmarks import BROKEN_VOLUME, LINUX, LINUX_ARM64, SELF_OWNED

# What version 1 of the CLI exits with when the service refuses.
REFUSED = 255
# Seconds of the clock in which anything boots or ends, at the speed of these tests.
LONG = 60


def said(*words):
    """What a refused command prints for people."""
    done = aws_raw(*words)
    assert done.returncode == REFUSED, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stderr.strip()


def cli_describes(sandbox):
    """Images, types, offerings and zones through the CLI's own pages are what boto3 finds."""
    ec2 = sandbox.ec2
    everything = {"IncludeDeprecated": True, "IncludeDisabled": True}
    with_boto3 = sorted(image["ImageId"] for image in ec2.describe_images(**everything)["Images"])
    flags = ["--include-deprecated", "--include-disabled", "--query", "Images[].ImageId"]
    assert sorted(aws("ec2", "describe-images", "--page-size", 100, *flags)) == with_boto3
    first = aws("ec2", "describe-images", "--max-items", 30, *flags[:2])
    rest = aws("ec2", "describe-images", "--starting-token", first["NextToken"], *flags[:2])
    assert sorted(image["ImageId"] for page in (first, rest) for image in page["Images"]) == with_boto3
    own = aws("ec2", "describe-images", "--owners", "self", "--query", "Images[].ImageId")
    assert (
        sorted(own) == sorted(image["ImageId"] for image in ec2.describe_images(Owners=["self"])["Images"])
        and SELF_OWNED in own
    )
    found = aws(
        "ec2", "describe-images", "--filters", "Name=architecture,Values=arm64,i386", "Name=root-device-type,Values=ebs",
        "--query", "Images[].[Architecture,RootDeviceType]",
    )  # fmt: skip
    assert found and {tuple(each) for each in found} == {("arm64", "ebs"), ("i386", "ebs")}, found[:3]
    assert aws("ec2", "describe-regions", "--query", "Regions[].RegionName") == [REGION]
    memory = aws(
        "ec2",
        "describe-instance-types",
        "--instance-types",
        "m7i.large",
        "--query",
        "InstanceTypes[0].MemoryInfo.SizeInMiB",
    )
    assert memory == 8192, memory
    zones = aws(
        "ec2", "describe-instance-type-offerings", "--location-type", "availability-zone",
        "--filters", "Name=instance-type,Values=t3.micro", "--query", "sort(InstanceTypeOfferings[].Location)",
    )  # fmt: skip
    assert zones == [f"{REGION}{letter}" for letter in "abc"], zones
    assert (
        aws("sts", "get-caller-identity")["Account"]
        == ec2.describe_images(ImageIds=[SELF_OWNED])["Images"][0]["OwnerId"]
    )


def cli_life(sandbox):
    """run-instances, the three waiters, console output, stop and terminate."""
    ec2 = sandbox.ec2
    user_data = "#!/bin/sh\necho interop\n"
    launched = aws(
        "ec2", "run-instances", "--image-id", LINUX, "--instance-type", "t3.micro", "--count", "1:2",
        "--client-token", "interop-cli", "--user-data", user_data, "--placement", f"AvailabilityZone={REGION}b",
        "--tag-specifications", "ResourceType=instance,Tags=[{Key=Name,Value=cli},{Key=odd,Value='a b'}]",
        "--block-device-mappings", '[{"DeviceName":"/dev/sdf","Ebs":{"VolumeSize":20,"VolumeType":"gp3"}}]',
        "--metadata-options", "HttpTokens=required,HttpPutResponseHopLimit=2",
    )  # fmt: skip
    ids = [instance["InstanceId"] for instance in launched["Instances"]]
    assert len(ids) == 2, "there is capacity for both"
    named = ["--instance-ids", *ids]
    # The CLI's waiters look every 15 s, so what they wait for is made to be over.
    sandbox.advance(LONG)
    for waiter in ["instance-running", "instance-status-ok"]:
        aws("ec2", "wait", waiter, *named)
    shown = aws(
        "ec2", "describe-instances", "--filters", "Name=tag:Name,Values=cl?", "--query", "Reservations[].Instances[]"
    )
    assert sorted(instance["InstanceId"] for instance in shown) == sorted(ids)
    for instance in shown:
        assert instance["Placement"]["AvailabilityZone"] == f"{REGION}b" and len(instance["BlockDeviceMappings"]) == 2
        assert {tag["Key"]: tag["Value"] for tag in instance["Tags"]} == {"Name": "cli", "odd": "a b"}, instance["Tags"]
    output = aws("ec2", "get-console-output", "--instance-id", ids[0], "--latest")
    assert "cloud-init" in output["Output"] or "Linux" in output["Output"], output
    again = aws("ec2", "describe-instance-status", *named, "--query", "InstanceStatuses[].InstanceStatus.Status")
    assert again == ["ok", "ok"], again
    aws("ec2", "create-tags", "--resources", *ids, "--tags", "Key=late,Value=yes")
    assert len(instances(ec2, Filters=[{"Name": "tag:late", "Values": ["yes"]}])) == 2
    stopping = aws("ec2", "stop-instances", *named, "--query", "StoppingInstances[].CurrentState.Name")
    assert stopping == ["stopping", "stopping"], stopping
    sandbox.advance(LONG)
    aws("ec2", "wait", "instance-stopped", *named)
    ended = aws("ec2", "terminate-instances", *named, "--query", "TerminatingInstances[].PreviousState.Name")
    assert ended == ["stopped", "stopped"], ended
    sandbox.advance(LONG)
    aws("ec2", "wait", "instance-terminated", *named)


def cli_refusals(sandbox):
    """A refusal is exit code 255 and EC2's words on stderr."""
    text = said("ec2", "describe-images", "--image-ids", "ami-0123456789abcdef0")
    expected = (
        "An error occurred (InvalidAMIID.NotFound) when calling the DescribeImages operation: "
        "The image id '[ami-0123456789abcdef0]' does not exist"
    )
    assert text.endswith(expected), text
    run = ["ec2", "run-instances", "--image-id", LINUX, "--instance-type", "t3.micro"]
    assert "(DryRunOperation) when calling the RunInstances operation: Request would have succeeded" in said(
        *run, "--dry-run"
    )
    wrong = ["ec2", "run-instances", "--image-id", LINUX_ARM64, "--instance-type", "t3.micro"]
    assert "(InvalidParameterValue)" in said(*wrong) and "architecture 'arm64'" in said(*wrong)
    assert "(InvalidInstanceID.NotFound)" in said("ec2", "terminate-instances", "--instance-ids", "i-0123456789abcdef0")
    assert "(InvalidParameterValue)" in said("ec2", "describe-images", "--filters", "Name=no-such-filter,Values=x")
    unknown = said("ec2", "describe-hosts")
    assert "(InvalidAction)" in unknown, unknown
    # A waiter that meets its end says so.
    broken = aws(
        "ec2",
        "run-instances",
        "--image-id",
        BROKEN_VOLUME,
        "--query",
        "Instances[].InstanceId",
        "--instance-type",
        "t3.micro",
    )
    sandbox.advance(LONG)
    assert "terminal failure state" in said("ec2", "wait", "instance-running", "--instance-ids", *broken)


def cli_templates(sandbox):
    """A launch template made and launched from by the CLI."""
    data = {"ImageId": LINUX, "InstanceType": "t3.small", "UserData": base64.b64encode(b"echo").decode()}
    made = aws(
        "ec2", "create-launch-template", "--launch-template-name", "cli", "--launch-template-data", json.dumps(data)
    )
    assert made["LaunchTemplate"]["LatestVersionNumber"] == 1, made
    launched = aws(
        "ec2", "run-instances", "--launch-template", "LaunchTemplateName=cli,Version=$Latest", "--query", "Instances[0]"
    )
    assert (launched["ImageId"], launched["InstanceType"]) == (LINUX, "t3.small"), launched
    aws("ec2", "terminate-instances", "--instance-ids", launched["InstanceId"])
    aws("ec2", "delete-launch-template", "--launch-template-name", "cli")
    assert "(InvalidLaunchTemplateName.NotFoundException)" in said(
        "ec2", "delete-launch-template", "--launch-template-name", "cli"
    )


CHECKS = [cli_describes, cli_life, cli_refusals, cli_templates]
