"""The fault campaign: runs the subjects, prints the table, and fails if a promise did not hold.

campaign.py [--long] [--seed N] [--table FILE] [--write-docs] [--cell POINT FAULT] [subject...]
"""

import argparse
import importlib
import pathlib
import random
import signal
import sys
import tempfile
import time
import traceback

from report import Report, table

SUBJECTS = ["order", "syscalls", "powercut", "tamper", "kills", "launches"]


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("subjects", nargs="*", metavar="subject", help=", ".join(SUBJECTS))
    words.add_argument("--long", action="store_true", help="every fault and 500 kills instead of a sample")
    words.add_argument("--seed", type=int, help="repeats the choices of another run")
    words.add_argument("--table", type=pathlib.Path, help="writes the table there, as markdown")
    words.add_argument("--write-docs", action="store_true", help="the table of launches --long into docs/semantics.md")
    words.add_argument("--cell", nargs=2, metavar=("POINT", "FAULT"), help="only this cell of launches")
    words.add_argument(
        "--keep", type=pathlib.Path, default="target/campaign/found", help="where directories at fault go"
    )
    asked = words.parse_args()
    unknown = set(asked.subjects) - set(SUBJECTS)
    if unknown:
        words.error(f"no such subject: {', '.join(sorted(unknown))}")
    seed = asked.seed if asked.seed is not None else random.randrange(1 << 32)
    # So that whoever is told to end ends its own processes first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    reports = []
    for subject in asked.subjects or SUBJECTS:
        module = importlib.import_module(subject)
        print(f"== {subject}: {module.__doc__.splitlines()[0]} (seed {seed})", flush=True)
        begun = time.monotonic()
        report = Report(subject, asked.keep)
        report.seed, report.write_docs, report.cell = seed, asked.write_docs, asked.cell
        reports.append(report)
        with tempfile.TemporaryDirectory(prefix="gantry-campaign-") as scratch:
            report.scratch = scratch
            try:
                module.run(report, asked.long)
            except Exception:
                report.finding("the campaign itself", traceback.format_exc())
        print(f"== {subject}: {'FAILED' if report.findings else 'ok'} ({time.monotonic() - begun:.0f} s)", flush=True)
    text = table(reports)
    print("\n" + text)
    if asked.table:
        asked.table.write_text(text)
    for report in reports:
        for what, why in report.skipped.items():
            print(f"SKIPPED {report.subject}: {what}: {why}")
    found = [(report.subject, *finding) for report in reports for finding in report.findings]
    for subject, fault, what, reproduce in found:
        print(f"\nFINDING {subject}: {fault}\n    {what}\n    {reproduce}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
