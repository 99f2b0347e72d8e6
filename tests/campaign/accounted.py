"""What must hold of launches when nobody waits any more: all have ended, and every instance has one of them.

The sandbox's own state is the witness (docs/sandbox.md): it also has what EC2 would not show.
"""

import time

from oracle import demand
from service import launch_pb2

STATE = launch_pb2.LaunchState
OPEN = {launch_pb2.ATTEMPT_STATE_INTENDED, launch_pb2.ATTEMPT_STATE_UNKNOWN}
WITHOUT_INSTANCES = {STATE.LAUNCH_STATE_FAILED, STATE.LAUNCH_STATE_CANCELLED}
OVER = {"shutting-down", "terminated"}
TAGGED_SECONDS = 30


def check_launches(client, log, launches, body, refused):
    """Every launch has left LAUNCHING with nothing open, and a repeat is told the same. name -> launch."""
    final = {}
    for name, (_, least, most, *_) in launches.items():
        launch_id = log.decisions[name][0][1]
        launch = final[name] = client.get(launch_id)
        state, count = STATE.Name(launch.state), len(launch.instances)
        demand(launch.state != STATE.LAUNCH_STATE_LAUNCHING, f"{name} is still LAUNCHING")
        left = [attempt.attempt_id for attempt in launch.attempts if attempt.state in OPEN]
        demand(not left, f"{name} is {state}, and nobody knows what became of its attempts {left}")
        if launch.state in WITHOUT_INSTANCES and name != "late":
            demand(count == 0, f"{name} is {state} with {count} instances")
        else:
            demand(least <= count <= most, f"{name} is {state} with {count} instances, not {least} to {most}")
        again = client.launch(body(name))
        same = [each.instance_id for each in again.instances] == [each.instance_id for each in launch.instances]
        demand(again.launch_id == launch_id and same, f"{name} was {launch_id}, and a repeat is told {again.launch_id}")
    demand(STATE.Name(final["in-vain"].state) == "LAUNCH_STATE_FAILED", "in-vain was launched without capacity")
    check_ends(final, refused)
    return final


def check_ends(final, refused):
    """What was to be ended is, or was too late for it; refused: name -> what was said."""
    late = final["late"]
    phases = [launch_pb2.BootPhase.Name(each.phase) for each in late.instances]
    ended = late.state == STATE.LAUNCH_STATE_FAILED and phases == ["BOOT_PHASE_TERMINATED"]
    demand(ended, f"late is {STATE.Name(late.state)} with {phases}, and was to be FAILED and its instance terminated")
    for name in ("cancelled", "terminated", "terminated-early"):
        state, has_instances = final[name].state, bool(final[name].instances)
        if name == "cancelled":
            # What an attempt under way made stays with it.
            holds = has_instances or state == STATE.LAUNCH_STATE_CANCELLED
            holds |= name in refused and state == STATE.LAUNCH_STATE_FAILED
        elif name in refused:
            holds = not has_instances
        else:
            holds = state == STATE.LAUNCH_STATE_TERMINATED or not has_instances and state in WITHOUT_INSTANCES
        demand(holds, f"{name} is {STATE.Name(state)}: {refused.get(name, 'not refused')}: {final[name]}")


def check_instances(sandbox, log, before, final):
    """Every instance has the tag of its attempt, one launch in the log, and the tag of that launch. How many have not.

    The last is missing only where a server died when an instance had booted and was not tagged: what is over is not
    taken up again, and the log says whose it is.
    """
    owners = {}  # instance id -> launch ids
    for (_, launch_id), instances in log.given.items():
        for instance_id in instances:
            owners.setdefault(instance_id, []).append(launch_id)
    deadline = time.monotonic() + TAGGED_SECONDS
    while True:
        untagged = []
        for instance in sandbox.state()["instances"]:
            instance_id, token, tags = (instance[key] for key in ("instance_id", "client_token", "tags"))
            if token in before:
                continue
            attempt = log.intended[token][2]
            said = tags.get("gantry:attempt-id")
            demand(said == attempt, f"{instance_id} was launched by {attempt} and tagged with {said}")
            owner = owners.get(instance_id, [])
            demand(len(owner) == 1, f"{instance_id} belongs to launches {owner}")
            tagged = tags.get("gantry:launch-id")
            demand(tagged in (None, owner[0]), f"{instance_id} belongs to {owner[0]} and is tagged with {tagged}")
            if tagged is None and instance["state"] not in OVER:
                untagged.append(instance_id)
        left = [each for each in untagged if log.ready.get(each, log.size()) < log.starts[-1]]
        if untagged == left:
            break
        demand(time.monotonic() < deadline, f"not tagged with their launches: {untagged}")
        time.sleep(0.1)
    shown = {each.instance_id for launch in final.values() for each in launch.instances}
    demand(shown == set(owners), f"launches show {sorted(shown)}, and the log gave {sorted(owners)}")
    return len(left)
