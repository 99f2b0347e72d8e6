"""A sandbox for a check, and the clients that look at it: boto3 with the judge, the AWS CLI, and plain HTTP."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.config
from botocore.exceptions import ClientError
from model import Judge
from processes import gantry

REGION = "sandbox-1"
IMAGES = 400
SPEED = 60
SEED = 11
# At sixty times the speed a boot of 40 s takes less than one.
WAIT = {"Delay": 1, "MaxAttempts": 60}
CLI_SECONDS = 120
HTTP_SECONDS = 30
POLL_SECONDS = 0.1

JUDGE = Judge()


class Sandbox:
    """One `gantry sandbox` while the `with` block lasts. Further words of its command line follow the usual ones."""

    def __init__(self, *words, images=IMAGES, speed=SPEED):
        usual = ["sandbox", "--listen", "127.0.0.1:0", "--images", images, "--speed", speed, "--seed", SEED]
        self.process = gantry(*usual, *words)

    def __enter__(self):
        self.process.__enter__()
        self.url = f"http://{self.process.match[1]}"
        os.environ.update(
            AWS_ENDPOINT_URL=self.url,
            AWS_ACCESS_KEY_ID="sandbox",
            AWS_SECRET_ACCESS_KEY="sandbox",
            AWS_DEFAULT_REGION=REGION,
            # Nothing outside this machine is asked for credentials.
            AWS_EC2_METADATA_DISABLED="true",
        )
        self.ec2 = self.client("ec2")
        return self

    def __exit__(self, *error):
        self.process.__exit__(*error)

    def client(self, service, **settings):
        """A client that the judge looks over the shoulder of. It shows errors as they are, unless told to retry."""
        settings.setdefault("retries", {"total_max_attempts": 1})
        client = boto3.client(service, config=botocore.config.Config(**settings))
        JUDGE.attach(client)
        return client

    def as_it_comes(self, service="ec2"):
        """A client with boto3's own defaults, its retries too."""
        client = boto3.session.Session().client(service)
        JUDGE.attach(client)
        return client

    def state(self):
        """`GET /sandbox/state`."""
        return json.loads(self.http("GET", "/sandbox/state"))

    def region(self):
        return self.state()["regions"][REGION]

    def faults(self, plan):
        """Puts a fault plan in place of the one before."""
        self.http("PUT", "/sandbox/faults", plan)

    def no_faults(self):
        self.http("DELETE", "/sandbox/faults")

    def advance(self, seconds):
        """Lets the sandbox's clock jump forward."""
        self.http("POST", "/sandbox/clock", json.dumps({"advance_seconds": seconds}))

    def http(self, method, path, body=None):
        code, text = self.http_answer(method, path, body)
        assert code < 300, f"{method} {path}: {code} {text}"
        return text

    def http_answer(self, method, path, body=None):
        data = body.encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def instances(ec2, **question):
    """All instances that an unpaged DescribeInstances answers, each with its reservation's facts."""
    return [
        {**instance, "ReservationId": reservation["ReservationId"], "OwnerId": reservation["OwnerId"]}
        for reservation in ec2.describe_instances(**question)["Reservations"]
        for instance in reservation["Instances"]
    ]


def launch(ec2, image, instance_type="t3.micro", count=1, **more):
    """The ids of new instances."""
    answer = ec2.run_instances(ImageId=image, InstanceType=instance_type, MinCount=count, MaxCount=count, **more)
    return [instance["InstanceId"] for instance in answer["Instances"]]


def wait(ec2, waiter, ids):
    ec2.get_waiter(waiter).wait(InstanceIds=ids, WaiterConfig=WAIT)


def until(what, condition, seconds=60):
    """For what EC2 has no waiter for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)
    return found


def refused(call, code, said="", status=None):
    """The call fails with this code, and its message holds `said`."""
    try:
        call()
    except ClientError as error:
        got = error.response["Error"]
        assert got["Code"] == code, f"{got['Code']}, not {code}: {error}"
        assert said in got["Message"], f"{code} says {got['Message']!r}, without {said!r}"
        metadata = error.response["ResponseMetadata"]
        assert metadata["RequestId"], "no request id"
        assert status in (None, metadata["HTTPStatusCode"]), f"{code} with {metadata['HTTPStatusCode']}, not {status}"
    else:
        raise AssertionError(f"not refused with {code}")


def aws_raw(*words):
    """The AWS CLI, whatever becomes of it."""
    command = ["aws", "--output", "json", *[str(word) for word in words]]
    return subprocess.run(command, capture_output=True, text=True, timeout=CLI_SECONDS)


def aws(*words):
    """What the AWS CLI prints, as JSON."""
    done = aws_raw(*words)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def run_checks(checks, sandbox):
    """Runs checks one after another, and says which went well."""
    for check in checks:
        begun = time.monotonic()
        try:
            check(sandbox)
            JUDGE.settle()
        except BaseException:
            print(f"not ok - {check.__name__}: {check.__doc__.splitlines()[0]}")
            print("--- what the sandbox said\n" + sandbox.process.output()[-4000:])
            raise
        print(f"ok - {check.__name__}: {check.__doc__.splitlines()[0]} ({time.monotonic() - begun:.1f} s)", flush=True)
