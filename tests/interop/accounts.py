"""AssumeRole and what a session may see: another account, with its own instances and images."""

import json
import pathlib
import tempfile

import boto3
from clients import JUDGE, REGION, Sandbox, instances, launch, refused
from landmarks import LINUX, SELF_OWNED
from replay import replayed

HOME, OTHER = "000000000000", "111122223333"
ROLE = f"arn:aws:iam::{OTHER}:role/teams/web"


def session(sts, **more):
    """A boto3 session of the role, and what AssumeRole answered."""
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="interop", **more)
    keys = answer["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)
    return session, answer


def client(session, service):
    client = session.client(service)
    JUDGE.attach(client)
    return client


def apart(_):
    """Instances, images and client tokens of one account are not another's; a recording says who called."""
    with tempfile.TemporaryDirectory() as directory:
        record = pathlib.Path(directory, "run.jsonl")
        with Sandbox("--account", OTHER, "--record", record) as sandbox:
            other, answer = session(sandbox.client("sts"), SourceIdentity="ada@example.com")
            assert answer["SourceIdentity"] == "ada@example.com", answer
            arn = f"arn:aws:sts::{OTHER}:assumed-role/web/interop"
            assert answer["AssumedRoleUser"]["Arn"] == arn, answer
            caller = client(other, "sts").get_caller_identity()
            assert (caller["Account"], caller["Arn"]) == (OTHER, arn), caller
            there = client(other, "ec2")
            call = {"ImageId": LINUX, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "ClientToken": "same"}
            ids = [ec2.run_instances(**call)["Instances"][0]["InstanceId"] for ec2 in (there, sandbox.ec2)]
            assert ids[0] != ids[1], "a client token is one account's"
            for ec2, account, own in [(there, OTHER, ids[0]), (sandbox.ec2, HOME, ids[1])]:
                assert [(one["InstanceId"], one["OwnerId"]) for one in instances(ec2)] == [(own, account)]
                owners = {image["OwnerId"] for image in ec2.describe_images(Owners=["self"])["Images"]}
                assert owners == {account}, owners
                assert {vpc["OwnerId"] for vpc in ec2.describe_vpcs()["Vpcs"]} == {account}
            refused(lambda: there.describe_images(ImageIds=[SELF_OWNED]), "InvalidAMIID.NotFound")
            refused(lambda: there.terminate_instances(InstanceIds=[ids[1]]), "InvalidInstanceID.NotFound")
            state = sandbox.state()
            assert [one["instance_id"] for one in state["accounts"][OTHER][REGION]["instances"]] == ids[:1], state
        done = replayed(record)
        assert done.returncode == 0, done
        calls = [json.loads(line) for line in record.read_text().splitlines()]
        ran = [call["by"] for call in calls if "Action=RunInstances" in str(call.get("form"))]
        assert ran[0] == {
            "account_id": OTHER,
            "role_session_name": "interop",
            "source_identity": "ada@example.com",
        }, ran
        assert ran[1] == {"account_id": HOME}, ran


def validated(_):
    """AssumeRole takes what STS takes, and leads into no account that there is not."""
    with tempfile.TemporaryDirectory() as directory, Sandbox("--account", OTHER, "--data-dir", directory) as sandbox:
        sts = sandbox.client("sts", parameter_validation=False)
        good = {"RoleArn": ROLE, "RoleSessionName": "interop"}
        for wrong, code in [
            ({"RoleArn": "arn:aws:iam::444455556666:role/web"}, "AccessDenied"),
            ({"RoleArn": f"arn:aws:iam::{OTHER}:user/somebody"}, "ValidationError"),
            ({"RoleSessionName": "a"}, "ValidationError"),
            ({"RoleSessionName": "a b"}, "ValidationError"),
            ({"DurationSeconds": 899}, "ValidationError"),
            ({"DurationSeconds": 3601}, "ValidationError"),
            ({"ExternalId": "?"}, "ValidationError"),
            ({"SourceIdentity": "x" * 65}, "ValidationError"),
        ]:
            refused(lambda wrong=wrong: sts.assume_role(**{**good, **wrong}), code)
        other, _ = session(sts, SourceIdentity="ada")
        chained = client(other, "sts")
        assert chained.assume_role(**good)["SourceIdentity"] == "ada", "a session passes its source identity on"
        refused(lambda: chained.assume_role(**good, SourceIdentity="grace"), "AccessDenied", "sts:SetSourceIdentity")
        sandbox.faults('[account]\nsource_identity = false\nexternal_id = "interop"\n')
        refused(lambda: sts.assume_role(**good), "AccessDenied", "sts:AssumeRole")
        refused(lambda: sts.assume_role(**good, ExternalId="interop", SourceIdentity="ada"), "AccessDenied")
        sts.assume_role(**good, ExternalId="interop")
        there = client(other, "ec2")
        launch(there, LINUX)
        sandbox.advance(3601)
        refused(lambda: there.describe_instances(), "RequestExpired")


CHECKS = [apart, validated]
