"""The service against moto, an EC2 that other people wrote: the whole way from list to terminate.

moto never reports ENA and makes no status checks fail, so this shows that the wire is right, not
that EC2's rules are; those are the sandbox's and the unit tests' business.
"""

import json
import pathlib

from processes import Process
from service import served

HERE = pathlib.Path(__file__).parent
REGION = "us-east-1"
ACCOUNT = "123456789012"
LEGACY_BIOS = "ami-0aaaaaaaaaaaaaaa1"
ARM64 = "ami-0aaaaaaaaaaaaaaa2"


def query(cli):
    """Images are listed, found by filter, and shown."""
    answer = cli.json("images", "list", "--owner", "amazon", "--region", REGION)
    ids = {image["imageId"] for image in answer["images"]}
    expected = {image["ami_id"] for image in json.loads((HERE / "moto-amis.json").read_text())}
    assert ids == expected, ids
    assert answer["totalSize"] == len(expected), answer
    answer = cli.json("images", "list", "--owner", "amazon", "--filter", "architecture=arm64", "--region", REGION)
    assert [image["imageId"] for image in answer["images"]] == [ARM64], answer
    image = cli.json("images", "get", LEGACY_BIOS, "--region", REGION)
    assert (image["name"], image["accountId"], image["region"]) == ("interop-legacy-bios", ACCOUNT, REGION), image


def classify(cli):
    """Each image is classified, and one that does not exist says so."""
    [answer] = cli.lines("images", "classify", LEGACY_BIOS, "--region", REGION)
    said = answer["classification"]
    assert said["rootDevice"] == "ROOT_DEVICE_EBS_BACKED", said
    assert said["virtualization"] == "VIRTUALIZATION_HVM", said
    assert said["bootPath"] == "BOOT_PATH_BIOS_MBR", said
    missing = cli.run("images", "get", "ami-0123456789abcdef0", "--region", REGION)
    assert missing.returncode == 1 and "IMAGE_NOT_FOUND" in missing.stderr, missing.stderr


def check(cli):
    """t2.micro can boot what moto has; a Nitro type cannot, for want of ENA."""
    types = "t2.micro,m7i.large,m7g.large"
    answer = cli.json("check", LEGACY_BIOS, "--types", types, "--region", REGION)
    verdicts = {judged["instanceType"]: judged["verdict"] for judged in answer["verdicts"]}
    assert verdicts["t2.micro"] == "COMPATIBILITY_VERDICT_COMPATIBLE", answer
    assert verdicts["m7i.large"] == "COMPATIBILITY_VERDICT_INCOMPATIBLE", answer
    assert verdicts["m7g.large"] == "COMPATIBILITY_VERDICT_INCOMPATIBLE", answer


def refuse(cli):
    """What cannot boot is refused before EC2 is asked, with the reason."""
    refused = cli.run("launch", "--image", ARM64, "--types", "t2.micro", "--region", REGION)
    assert refused.returncode == 1, refused
    assert "LAUNCH_REFUSED" in refused.stderr and "ARCHITECTURE" in refused.stderr, refused.stderr


def launch(cli):
    """A launch goes from decision to READY, is recorded, and ends."""
    key = ["--request-id", "interop-moto-1"]
    what = ["--image", LEGACY_BIOS, "--types", "t2.micro", "--count", "1", "--region", REGION]
    events = cli.lines("launch", *what, *key, "--reason", "interop", "--watch")
    assert events[-1]["launchState"] == "LAUNCH_STATE_READY" and events[-1]["terminal"], events[-1]
    sequences = [int(event["sequence"]) for event in events if "sequence" in event]
    assert sequences == list(range(1, len(sequences) + 1)), sequences
    launch_id = events[-1]["launchId"]

    # The same key again is the same launch, although moto knows no idempotency.
    assert cli.json("launch", *what, *key, "--reason", "interop")["launchId"] == launch_id
    shown = cli.json("launches", "show", launch_id)
    [instance] = shown["instances"]
    assert instance["phase"] == "BOOT_PHASE_READY", shown
    assert [attempt["state"] for attempt in shown["attempts"]] == ["ATTEMPT_STATE_SUCCEEDED"], shown
    assert [found["launchId"] for found in cli.json("launches", "list", "--state", "ready")["launches"]] == [launch_id]

    # Watching from the middle gives the rest, and an instance can be watched by itself.
    rest = cli.lines("watch", launch_id, "--after-sequence", "1")
    assert [int(event["sequence"]) for event in rest if "sequence" in event] == sequences[1:], rest
    assert cli.lines("watch", instance["instanceId"], "--region", REGION), "nothing about the instance"

    records = cli.json("audit", "list", "--launch", launch_id, "--oldest-first")["records"]
    kinds = [record["kind"].removeprefix("RECORD_KIND_") for record in records]
    assert kinds[:3] == ["DECISION", "ATTEMPT_INTENDED", "ATTEMPT_SUCCEEDED"], kinds
    assert "INSTANCE_PHASE" in kinds, kinds
    leaf = cli.json("audit", "show", str(records[0].get("index", 0)))
    assert leaf["record"]["launchId"] == launch_id, leaf

    events = cli.lines("launches", "terminate", launch_id, "--reason", "done", "--watch")
    assert events[-1]["launchState"] == "LAUNCH_STATE_TERMINATED", events[-1]
    assert cli.json("launches", "show", launch_id)["state"] == "LAUNCH_STATE_TERMINATED"


def main():
    images = {"MOTO_AMIS_PATH": str(HERE / "moto-amis.json")}
    with Process(["moto_server", "-H", "127.0.0.1", "-p", "0"], r"Running on (http://127\.0\.0\.1:\d+)", images) as moto:
        aws = {
            "AWS_ENDPOINT_URL": moto.match[1],
            "AWS_ACCESS_KEY_ID": "interop",
            "AWS_SECRET_ACCESS_KEY": "interop",
            "AWS_REGION": REGION,
            # Nothing outside this machine is asked for credentials.
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with served(env=aws) as cli:
            for step in [query, classify, check, refuse, launch]:
                step(cli)
                print(f"ok - {step.__name__}: {step.__doc__.splitlines()[0]}")


if __name__ == "__main__":
    main()
