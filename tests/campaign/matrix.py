"""The matrix of launches: every crash point with every fault of EC2's.

The crash points are read from the source, so that a new one is in the matrix by itself; a step of a launch without one
is a finding. Every point is reached under every fault: a cell where it is not is a finding too. Nothing here runs
anything.
"""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"

# What EC2 does in every cell, so that a launch that falls back, one that ends in vain and two that wait for their end
# are in every cell too: there is never an m7i.large, and the first m6i.large and the first c6i.large that a server asks
# for are one too many for now. Said of a call that is repeated, that leaves its outcome unknown.
ALWAYS = """
[[fault]]
kind = "capacity"
instance_types = ["m7i.large"]

[[fault]]
kind = "error"
code = "InstanceLimitExceeded"
actions = ["RunInstances"]
instance_types = ["m6i.large"]
count = 1

[[fault]]
kind = "error"
code = "InstanceLimitExceeded"
actions = ["RunInstances"]
instance_types = ["c6i.large"]
count = 1
"""
# Calls of launching that a fault strikes, how often, and at which type only. The type is that of one launch, whose
# first call and its repeat are both struck.
STRUCK = [
    ("RunInstances", 2, "t3.small"),
    ("RunInstances", 3, None),
    ("CreateTags", 1, None),
    ("TerminateInstances", 1, None),
    ("DescribeInstances", 1, None),
]


def striking(kind, more=""):
    """A plan in which each of those calls is struck."""
    plan = ""
    for action, count, only in STRUCK:
        plan += f'\n[[fault]]\nkind = "{kind}"\nactions = ["{action}"]\ncount = {count}\n{more}'
        if only:
            plan += f'instance_types = ["{only}"]\n'
    return plan


FAULTS = {
    "none": "",
    "error": striking("error", 'code = "InternalError"\n'),
    "reply lost": striking("reply-lost"),
    "slow": striking("slow", 'delay = "700ms"\n'),
    "throttled": striking("error", 'code = "RequestLimitExceeded"\n'),
    "capacity": '\n[[fault]]\nkind = "capacity"\ninstance_types = ["t3.*"]\n',
    "partial": '\n[[fault]]\nkind = "capacity"\navailable = 1\ninstance_types = ["t3.*"]\n',
}
MEANINGS = {
    "none": "no other fault",
    "error": "InternalError, and no effect",
    "reply lost": "the effect, and no answer",
    "slow": "the effect, and its answer 0.7 s later",
    "throttled": "RequestLimitExceeded",
    "capacity": "no t3 instance to be had",
    "partial": "one t3 instance a call, whatever is asked for",
}

# Kinds of records that are the server's, and no step of a launch.
OF_THE_SERVER = {"service_started", "records_pruned", "policy_loaded", "launch_switch"}
# What the launches that share an attempt have appended at once (src/audit/writer/group.rs).
SHARED = {"shared_intentions", "shared_outcome"}

# Points of finding out what became of a call. A first server dies after it has asked for the m6i.large and before it
# has written down that there is none; the next one reaches these.
AFTERWARDS = re.compile(r"launch\.(before|after)_(repeat|look)|.*\.attempt_unknown")
LEAD_IN = "launch.after_run_instances"


def points():
    """All crash points of launches, in the order of src/crash.rs."""
    lists = re.findall(r"pub const (\w*POINTS): &\[&str\] = &\[(.*?)\];", (SOURCE / "crash.rs").read_text(), re.S)
    return [point for name, body in lists if name != "OFFLINE_POINTS" for point in re.findall(r'"([^"]+)"', body)]


def unlisted():
    """Crash points that the code has and no list has: of launching, and of every write of a record of launches."""
    launching = "".join(path.read_text() for path in [SOURCE / "launch.rs", *SOURCE.glob("launch/**/*.rs")])
    named = set(re.findall(r'"(launch\.(?:before|after)_\w+)"', launching))
    writing = "".join(path.read_text() for path in SOURCE.glob("audit/writer*/**/*.rs"))
    writing += (SOURCE / "audit/writer.rs").read_text()
    prefixes = set(re.findall(r'point_for\("([^"]+)"', writing))
    kinds = set(re.findall(r'=> "(\w+)"', (SOURCE / "record/kind.rs").read_text())) - OF_THE_SERVER | SHARED
    named |= {f"{prefix}.{kind}" for prefix in prefixes for kind in kinds}
    return sorted(named - set(points()))


def all_cells():
    """Every point with every fault."""
    return [(point, fault) for point in points() for fault in FAULTS]


def sample(draw):
    """Each point with one fault, in turn, so that each fault is there equally often."""
    faults, drawn = draw.sample(list(FAULTS), len(FAULTS)), draw.sample(points(), len(points()))
    return [(point, faults[turn % len(faults)]) for turn, point in enumerate(drawn)]
