"""What Gantry launches, as the AWS CLI sees it: the service in front of a sandbox that others look into."""

import concurrent.futures
import json

from clients import REGION, aws, until
from landmarks import LINUX, LINUX_ARM64
from service import served

CALLERS = 200
WHAT = ["--types", "t3.micro", "--region", REGION, "--reason", "interop"]


def seen(*filters):
    """The instances that the AWS CLI finds by filters of name and value: their states by id."""
    words = [f"Name={name},Values={value}" for name, value in filters]
    query = "Reservations[].Instances[].[InstanceId,State.Name]"
    return dict(aws("ec2", "describe-instances", *(["--filters", *words] if words else []), "--query", query))


def tagged(launch):
    """What the AWS CLI finds by the tag of a launch, which follows the launch."""
    ids = {instance["instanceId"] for instance in launch["instances"]}
    by_tag = ("tag:gantry:launch-id", launch["launchId"])
    return until(f"{ids} tagged", lambda: (found := seen(by_tag)) and found.keys() == ids and found)


def exactly_its_instances(sandbox):
    """A launch's tag, its attempt's tag and its token find exactly its instances, until they are terminated."""
    with served() as cli:
        others = [cli.json("launch", "--image", LINUX, *WHAT) for _ in range(2)]
        launch = cli.json("launch", "--image", LINUX, "--count", "2", *WHAT)
        ids = {instance["instanceId"] for instance in launch["instances"]}
        [attempt] = launch["attempts"]
        assert len(ids) == 2, launch
        tagged(launch)
        for found in [seen(("tag:gantry:attempt-id", attempt["attemptId"])), seen(("client-token", attempt["clientToken"]))]:
            assert found.keys() == ids, (found, ids)
        everything = {instance["instanceId"] for each in [launch, *others] for instance in each["instances"]}
        assert seen().keys() == everything, "there is something that no launch made"

        cli.json("launches", "terminate", launch["launchId"], "--reason", "interop")
        states = tagged(launch)
        assert set(states.values()) <= {"shutting-down", "terminated"}, states
        until("both are terminated", lambda: set(tagged(launch).values()) == {"terminated"})
        left = [seen(("tag:gantry:launch-id", each["launchId"])) for each in others]
        assert not {"shutting-down", "terminated"} & {state for each in left for state in each.values()}, left
        for each in others:
            cli.json("launches", "terminate", each["launchId"], "--reason", "interop")


def refused_leaves_nothing(sandbox):
    """A launch that the facts forbid leaves no instance, and EC2 was never asked for one."""
    before, asked = seen(), sandbox.state()["calls"].get("RunInstances", 0)
    with served() as cli:
        refused = cli.run("launch", "--image", LINUX_ARM64, *WHAT, "--request-id", "interop-wrong")
        assert refused.returncode == 1 and "LAUNCH_REFUSED" in refused.stderr, refused
        [launch] = cli.json("launches", "list", "--state", "refused")["launches"]
        assert seen(("tag:gantry:launch-id", launch["launchId"])) == {}
    assert seen().keys() <= before.keys(), "an instance came of a refusal"
    assert sandbox.state()["calls"].get("RunInstances", 0) == asked


def one_request_id_one_instance(sandbox):
    """Two hundred callers with one request id at once: one launch, one answer, one instance."""
    before = seen()
    with served() as cli, concurrent.futures.ThreadPoolExecutor(CALLERS) as threads:
        call = ["launch", "--image", LINUX, *WHAT, "--request-id", "interop-same"]
        answers = [json.loads(text) for text in threads.map(lambda _: cli.done(*call), range(CALLERS))]
        [launch_id] = {answer["launchId"] for answer in answers}
        [instance] = {tuple(each["instanceId"] for each in answer["instances"]) for answer in answers}
        assert tagged(answers[0]).keys() == set(instance) and len(instance) == 1, instance
        assert seen().keys() - before.keys() == set(instance), "there is another instance"
        cli.json("launches", "terminate", launch_id, "--reason", "interop")


def a_lost_answer_is_one_instance(sandbox):
    """EC2 launches and its answer is lost: Gantry finds out, and there is one instance."""
    before = seen()
    with served() as cli:
        sandbox.faults('[[fault]]\nkind = "reply-lost"\nactions = ["RunInstances"]\ncount = 1\n')
        launch = cli.json("launch", "--image", LINUX, *WHAT)
        sandbox.no_faults()
        assert len(launch["attempts"]) == 1, launch
        assert seen().keys() - before.keys() == tagged(launch).keys()
        cli.json("launches", "terminate", launch["launchId"], "--reason", "interop")


CHECKS = [exactly_its_instances, refused_leaves_nothing, one_request_id_one_instance, a_lost_answer_is_one_instance]
