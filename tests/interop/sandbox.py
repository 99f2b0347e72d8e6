"""The sandbox, judged by clients that know EC2 and not us: boto3 and the AWS CLI.

Each subject has a file, a sandbox and a process of its own, and as many run at once as there are
processors. Every answer that one of these clients gets is compared with botocore's service model on
its way; see model.py.

    sandbox.py [subject...]
"""

import collections
import concurrent.futures
import contextlib
import importlib
import io
import sys
import traceback

from clients import JUDGE, Sandbox, run_checks
from model import summary

# The longest first.
SUBJECTS = [
    "governed",
    "cli",
    "offline",
    "fleet",
    "faults",
    "fates",
    "life",
    "types_filters",
    "filters",
    "paging",
    "images",
    "parameters",
    "launches",
    "resources",
    "accounts",
    "templates",
    "replay",
]


def run(name):
    """One subject: what it printed, what the judge saw, and whether it failed."""
    printed, failed = io.StringIO(), False
    with contextlib.redirect_stdout(printed):
        try:
            subject = importlib.import_module(name)
            print(f"-- {name}: {subject.__doc__.splitlines()[0]}")
            with Sandbox() as sandbox:
                run_checks(subject.CHECKS, sandbox)
        except Exception:
            failed = True
            traceback.print_exc(file=printed)
    return printed.getvalue(), JUDGE.answers, JUDGE.elements, failed


def main(wanted):
    assert set(wanted) <= set(SUBJECTS), f"the subjects are {', '.join(SUBJECTS)}"
    answers, elements, failed = collections.Counter(), 0, []
    with concurrent.futures.ProcessPoolExecutor(max_tasks_per_child=1) as processes:
        running = {processes.submit(run, name): name for name in wanted or SUBJECTS}
        for done in concurrent.futures.as_completed(running):
            text, seen, count, wrong = done.result()
            print(text, end="", flush=True)
            answers += seen
            elements += count
            failed += [running[done]] if wrong else []
    print(f"model - {summary(answers, elements)}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
