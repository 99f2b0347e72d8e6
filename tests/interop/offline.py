"""Images judged from what the AWS CLI printed, without a server: as the server judges them."""

import json
import os
import subprocess
import tempfile

from clients import REGION, aws_raw
from processes import gantry

COMMAND_SECONDS = 120


def classify(*words, text=None, code=0):
    """What `gantry images classify` concludes of each image, by the image's id."""
    command = [os.environ["GANTRY_BINARY"], "images", "classify", "--output", "json", *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stderr}"
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {answer["imageId"]: answer["classification"] for answer in answers}


def described(*words):
    """The AWS CLI's own text, as somebody would save it."""
    done = aws_raw("ec2", "describe-images", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


# What a second question to EC2 tells and a file does not: the launch permissions of one's own images, the Region's
# instance types, and why Allowed AMIs leaves an image out.
ONLY_A_SERVER_KNOWS = {
    "LAUNCH_PERMISSIONS",
    "LEGACY_BIOS",  # which a server that knows the types says as the next
    "LEGACY_BIOS_ON_UEFI_FLEET",
    "NOT_ALLOWED",
    "NO_TYPE_BOOTS",
    "PREVIOUS_GENERATION_ONLY",
}


def comparable(judged, is_own):
    """What a server and a file must agree on."""
    findings = [each for each in judged["findings"] if each["code"] not in ONLY_A_SERVER_KNOWS]
    permissions = None if is_own else judged["launchPermissions"]
    return {**judged, "findings": findings, "launchPermissions": permissions}


def offline_agrees_with_the_server(sandbox):
    """The CLI's output and boto3's, from a file and through a pipe, are classified as a server classifies them."""
    account = sandbox.client("sts").get_caller_identity()["Account"]
    with tempfile.TemporaryDirectory() as scratch:
        with gantry("serve", "--listen", "127.0.0.1:0", "--data-dir", f"{scratch}/data") as service:
            online = classify("--server", f"http://{service.match[1]}", "--region", REGION, "--owner", "all")
        text = described("--include-deprecated")
        path = f"{scratch}/images.json"
        with open(path, "w") as file:
            file.write(text)
        with_cli = classify("--from", path, "--account-id", account)
    assert classify("--from", "-", "--account-id", account, text=text) == with_cli
    answer = sandbox.ec2.describe_images(IncludeDeprecated=True)
    with_boto3 = classify("--from", "-", "--account-id", account, text=json.dumps(answer, default=str))
    assert len(online) > 100 and not online.keys() - with_boto3.keys()
    images = {image["ImageId"]: image for image in answer["Images"]}
    # The CLI brings a service model of its own, and drops members that are younger.
    printed = {image["ImageId"]: image.keys() for image in json.loads(text)["Images"]}
    alike = {image for image in online if printed[image] == images[image].keys()}
    assert len(alike) > len(online) // 2, f"the CLI prints {len(alike)} of {len(online)} images whole"
    for image, judged in online.items():
        is_own = images[image]["OwnerId"] == account
        for source, offline in [("boto3", with_boto3), ("the CLI", with_cli)]:
            if source == "boto3" or image in alike:
                got, expected = comparable(offline[image], is_own), comparable(judged, is_own)
                different = {key: (got.get(key), expected[key]) for key in expected if got.get(key) != expected[key]}
                assert got == expected, f"{image} from {source}: {different}"
    assert any(images[image]["OwnerId"] == account for image in online), "an own image is among them"


def offline_reads_every_form(sandbox):
    """A part by --query, one image and several lines; the rest is refused with a reason."""
    whole = json.loads(described("--owners", "self"))["Images"]
    expected = classify("--from", "-", text=json.dumps({"Images": whole}))
    assert len(expected) == len(whole) > 1
    assert classify("--from", "-", text=described("--owners", "self", "--query", "Images[]")) == expected
    assert classify("--from", "-", text="\n".join(map(json.dumps, whole))) == expected
    first = whole[0]
    assert list(classify("--from", "-", text=json.dumps(first))) == [first["ImageId"]]
    # One image with a wrong member is left out, and the exit code says so.
    broken = [{**first, "EnaSupport": "yes"}, whole[1]]
    assert list(classify("--from", "-", text=json.dumps(broken), code=1)) == [whole[1]["ImageId"]]
    assert classify("--from", "-", text=described("--owners", "self", "--query", "Images[].Name"), code=1) == {}


CHECKS = [offline_agrees_with_the_server, offline_reads_every_form]
