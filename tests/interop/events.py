"""The service beside an SQS queue, which moto stands for: what EC2 says by itself is heard, and nothing rests on it.

The sandbox is EC2 and STS, moto is SQS; the messages are EventBridge's, as the EC2 User Guide shows them.
"""

import base64
import datetime
import json
import os
import subprocess
import tempfile
import time

import boto3
from processes import Process, gantry

ACCOUNT = "000000000000"
REGION = "sandbox-1"
# It runs and never passes its checks, so that there is time.
NEVER_READY = "ami-05a4db0c500000019"
SECONDS = 90


def event(kind, detail, region=REGION):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(
        {
            "version": "0",
            "id": "7bf73129-1428-4cd3-a780-95db273d1602",
            "detail-type": kind,
            "source": "aws.ec2",
            "account": ACCOUNT,
            "time": now,
            "region": region,
            "resources": [f"arn:aws:ec2:{region}:{ACCOUNT}:instance/{detail['instance-id']}"],
            "detail": detail,
        }
    )


class Watch:
    """`gantry watch`, line by line."""

    def __init__(self, server, launch_id):
        command = [os.environ["GANTRY_BINARY"], "watch", launch_id, "--server", server, "--output", "json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def until(self, found):
        for line in self.process.stdout:
            told = json.loads(line)
            if found(told):
                return told
        raise AssertionError("the watch ended")

    def stop(self):
        self.process.kill()
        self.process.wait()


def emptied(sqs, url):
    """Whether every message was taken off the queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(int(left[name]) == 0 for name in names)


def hears(cli, server, sqs, url):
    """A Spot interruption is told on the stream and on record; what is no event is taken off the queue and does no harm."""
    launched = cli("launch", "--image", NEVER_READY, "--types", "m7i.large", "--region", REGION, "--reason", "interop")
    launch_id, instance_id = launched["launchId"], launched["instances"][0]["instanceId"]
    watch = Watch(server, launch_id)
    try:
        watch.until(lambda told: told.get("phase") == "BOOT_PHASE_RUNNING")
        sqs.send_message(QueueUrl=url, MessageBody="this is not JSON")
        elsewhere = event("EC2 Instance State-change Notification", {"instance-id": instance_id, "state": "stopped"}, "eu-north-1")
        sqs.send_message(QueueUrl=url, MessageBody=elsewhere)
        # A state that is not so is not believed.
        lie = event("EC2 Instance State-change Notification", {"instance-id": instance_id, "state": "terminated"})
        sqs.send_message(QueueUrl=url, MessageBody=lie)
        warning = {"instance-id": instance_id, "instance-action": "terminate"}
        sent = time.monotonic()
        sqs.send_message(QueueUrl=url, MessageBody=event("EC2 Spot Instance Interruption Warning", warning))
        told = watch.until(lambda told: told.get("scheduledEvents"))
        print(f"   told {time.monotonic() - sent:.1f} s after it was sent")
        [scheduled] = told["scheduledEvents"]
        assert (scheduled["code"], scheduled["description"]) == ("spot-interruption", "terminate"), told
        assert scheduled["notBefore"], told
    finally:
        watch.stop()
    records = cli("audit", "list", "--launch", launch_id)["records"]
    phases = [record for record in records if record["kind"] == "RECORD_KIND_INSTANCE_PHASE"]
    leaves = [base64.b64decode(cli("audit", "show", record["index"])["leaf"]) for record in phases]
    assert any(b'"spot-interruption"' in leaf for leaf in leaves), leaves
    shown = cli("launches", "show", launch_id)
    assert shown["state"] == "LAUNCH_STATE_BOOTING", shown
    limit = time.monotonic() + SECONDS
    while not emptied(sqs, url):
        assert time.monotonic() < limit, "messages are left on the queue"
        time.sleep(0.5)
    return launch_id


def remembers(cli, watch_of, launch_id):
    """A restart of the server takes no warning back."""
    watch = watch_of(launch_id)
    try:
        told = watch.until(lambda told: told.get("phase") == "BOOT_PHASE_IMPAIRED")
    finally:
        watch.stop()
    assert [event["code"] for event in told.get("scheduledEvents", [])] == ["spot-interruption"], told


def main():
    strange = {"MOTO_ALLOW_NONEXISTENT_REGION": "true"}
    moto = Process(["moto_server", "-H", "127.0.0.1", "-p", "0"], r"Running on (http://127\.0\.0\.1:\d+)", strange)
    sandbox = gantry("sandbox", "--listen", "127.0.0.1:0", "--images", "400")
    with moto as moto, sandbox as sandbox, tempfile.TemporaryDirectory() as data_dir:
        keys = {"AWS_ACCESS_KEY_ID": "interop", "AWS_SECRET_ACCESS_KEY": "interop", "AWS_REGION": REGION}
        sqs = boto3.client(
            "sqs",
            endpoint_url=moto.match[1],
            region_name=REGION,
            aws_access_key_id="interop",
            aws_secret_access_key="interop",
        )
        url = sqs.create_queue(QueueName="gantry-events")["QueueUrl"]
        env = {
            **keys,
            "AWS_ENDPOINT_URL": f"http://{sandbox.match[1]}",
            "AWS_ENDPOINT_URL_SQS": moto.match[1],
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        words = ["serve", "--listen", "127.0.0.1:0", "--data-dir", f"{data_dir}/gantry", "--events-queue", url]

        def of(service):
            """The command line of a server, and what watches a launch there."""
            server = f"http://{service.match[1]}"

            def cli(*words):
                command = [os.environ["GANTRY_BINARY"], *words, "--server", server, "--output", "json"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
                assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}\n{service.output()[-3000:]}"
                return json.loads(done.stdout)

            return cli, server

        with gantry(*words, env=env) as service:
            cli, server = of(service)
            launch_id = hears(cli, server, sqs, url)
            print(f"ok - hears: {hears.__doc__}")
        with gantry(*words, env=env) as service:
            cli, server = of(service)
            remembers(cli, lambda launch_id: Watch(server, launch_id), launch_id)
            print(f"ok - remembers: {remembers.__doc__}")


if __name__ == "__main__":
    main()
