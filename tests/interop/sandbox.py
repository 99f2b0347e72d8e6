"""The sandbox, judged by clients that know EC2 and not us: boto3 and the AWS CLI."""

import json
import os
import subprocess

import boto3
import botocore.config
from botocore.exceptions import ClientError, WaiterError
from processes import gantry

REGION = "sandbox-1"
IMAGES = 600
# Fixed ids that every sandbox has.
LINUX = "ami-05a4db0c500000001"
LINUX_ARM64 = "ami-05a4db0c500000002"
MARKETPLACE_UNSUBSCRIBED = "ami-05a4db0c50000000d"
PENDING = "ami-05a4db0c500000016"
BROKEN_VOLUME = "ami-05a4db0c500000018"
# At sixty times the speed a boot of 40 s takes less than one.
WAIT = {"Delay": 1, "MaxAttempts": 60}


def paging(ec2):
    """Pages hold every image once, and are as large as asked for."""
    whole = [image["ImageId"] for image in ec2.describe_images(IncludeDeprecated=True, IncludeDisabled=True)["Images"]]
    pages = ec2.get_paginator("describe_images").paginate(
        IncludeDeprecated=True, IncludeDisabled=True, PaginationConfig={"PageSize": 100}
    )
    sizes, paged = [], []
    for page in pages:
        sizes.append(len(page["Images"]))
        paged += [image["ImageId"] for image in page["Images"]]
    assert sorted(paged) == sorted(whole), "pages and the whole differ"
    assert len(set(paged)) == len(paged), "an image came twice"
    # Some are other people's and private.
    assert 0.9 * IMAGES < len(paged) <= IMAGES, len(paged)
    assert max(sizes) <= 100 and len(sizes) >= len(paged) // 100, sizes


def filters(ec2):
    """Names are joined by AND, values by OR, with wildcards."""
    found = ec2.describe_images(
        Filters=[
            {"Name": "architecture", "Values": ["arm64", "arm64_mac"]},
            {"Name": "root-device-type", "Values": ["ebs"]},
            {"Name": "name", "Values": ["al2023*", "*mac*"]},
        ]
    )["Images"]
    assert found, "nothing found"
    for image in found:
        assert image["Architecture"] in ("arm64", "arm64_mac"), image
        assert image["RootDeviceType"] == "ebs", image


def idempotency(ec2):
    """The same token launches once; with other parameters it is an error."""
    call = dict(ImageId=LINUX, InstanceType="t3.micro", MinCount=2, MaxCount=2, ClientToken="interop-1")
    first = ec2.run_instances(**call)
    again = ec2.run_instances(**call)
    assert first["ReservationId"] == again["ReservationId"]
    ids = [{instance["InstanceId"] for instance in answer["Instances"]} for answer in (first, again)]
    assert ids[0] == ids[1] and len(ids[0]) == 2, ids
    refused(lambda: ec2.run_instances(**{**call, "InstanceType": "t3.small"}), "IdempotentParameterMismatch")


def life(ec2):
    """From pending to checked to terminated, as EC2's own waiters see it."""
    answer = ec2.run_instances(
        ImageId=LINUX,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "purpose", "Value": "interop"}]}],
    )
    instance = answer["Instances"][0]
    assert instance["State"]["Name"] == "pending", instance["State"]
    ids = [instance["InstanceId"]]
    ec2.get_waiter("instance_exists").wait(InstanceIds=ids, WaiterConfig=WAIT)
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=ids, WaiterConfig=WAIT)
    assert ec2.get_console_output(InstanceId=ids[0])["InstanceId"] == ids[0]
    ec2.create_tags(Resources=ids, Tags=[{"Key": "late", "Value": "yes"}])
    found = ec2.describe_instances(Filters=[{"Name": "tag:late", "Values": ["yes"]}])["Reservations"]
    tags = {tag["Key"]: tag["Value"] for tag in found[0]["Instances"][0]["Tags"]}
    assert tags == {"purpose": "interop", "late": "yes"}, tags
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=WAIT)


def failed_boot(ec2):
    """A broken image goes from pending to terminated, and EC2's waiter notices."""
    answer = ec2.run_instances(ImageId=BROKEN_VOLUME, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    ids = [answer["Instances"][0]["InstanceId"]]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    except WaiterError as error:
        assert "terminal failure" in str(error), error
    else:
        raise AssertionError("an instance with a broken volume came up")
    instance = ec2.describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"][0]
    assert instance["StateReason"]["Code"].startswith("Server."), instance["StateReason"]


def errors(ec2):
    """Refusals carry EC2's codes."""
    run = dict(InstanceType="t3.micro", MinCount=1, MaxCount=1)
    for call, code in [
        (lambda: ec2.describe_images(ImageIds=["ami-0123456789abcdef0"]), "InvalidAMIID.NotFound"),
        (lambda: ec2.describe_images(ImageIds=["ami-1"]), "InvalidAMIID.Malformed"),
        (lambda: ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"]), "InvalidInstanceID.NotFound"),
        (lambda: ec2.run_instances(ImageId=LINUX, DryRun=True, **run), "DryRunOperation"),
        (lambda: ec2.run_instances(ImageId=LINUX_ARM64, **run), "InvalidParameterValue"),
        (lambda: ec2.run_instances(ImageId=PENDING, **run), "InvalidAMIID.Unavailable"),
        (lambda: ec2.run_instances(ImageId=MARKETPLACE_UNSUBSCRIBED, **run), "OptInRequired"),
        (lambda: ec2.run_instances(ImageId=LINUX, **{**run, "MinCount": 2}), "InvalidParameterValue"),
        (lambda: ec2.describe_images(Filters=[{"Name": "no-such-filter", "Values": ["x"]}]), "InvalidParameterValue"),
    ]:
        refused(call, code)


def command_line(ec2):
    """The AWS CLI agrees with boto3."""
    answer = aws("ec2", "describe-images", "--owners", "self", "--query", "Images[].ImageId")
    with_boto3 = [image["ImageId"] for image in ec2.describe_images(Owners=["self"])["Images"]]
    assert sorted(answer) == sorted(with_boto3) and answer, answer
    assert aws("ec2", "describe-regions", "--query", "Regions[].RegionName") == [REGION]
    launched = aws(
        "ec2", "run-instances", "--image-id", LINUX, "--instance-type", "t3.micro", "--query", "Instances[0].InstanceId"
    )
    status = aws(
        "ec2", "describe-instance-status", "--include-all-instances", "--instance-ids", launched,
        "--query", "InstanceStatuses[0].InstanceStatus.Status",
    )  # fmt: skip
    assert status in ("initializing", "not-applicable", "ok"), status
    ended = aws("ec2", "terminate-instances", "--instance-ids", launched, "--query", "TerminatingInstances[0].CurrentState.Name")
    assert ended in ("shutting-down", "terminated"), ended


def refused(call, code):
    try:
        call()
    except ClientError as error:
        got = error.response["Error"]["Code"]
        assert got == code, f"{got}, not {code}: {error}"
        assert error.response["ResponseMetadata"]["RequestId"], "no request id"
    else:
        raise AssertionError(f"not refused with {code}")


def aws(*words):
    done = subprocess.run(["aws", "--output", "json", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main():
    with gantry("sandbox", "--listen", "127.0.0.1:0", "--images", IMAGES, "--speed", 60) as sandbox:
        os.environ.update(
            AWS_ENDPOINT_URL=f"http://{sandbox.match[1]}",
            AWS_ACCESS_KEY_ID="sandbox",
            AWS_SECRET_ACCESS_KEY="sandbox",
            AWS_DEFAULT_REGION=REGION,
        )
        # An error is to be seen as it is, not after the client's own retries.
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        ec2 = boto3.client("ec2", config=config)
        for check in [paging, filters, idempotency, life, failed_boot, errors, command_line]:
            check(ec2)
            print(f"ok - {check.__name__}: {check.__doc__.splitlines()[0]}")


if __name__ == "__main__":
    main()
