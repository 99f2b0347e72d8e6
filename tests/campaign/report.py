"""What was injected, what survived and what was checked: a table, and the findings under it."""

import pathlib
import shutil
import sys
import time


class Report:
    """One subject's part of the table."""

    def __init__(self, subject, keep):
        self.subject, self.keep = subject, pathlib.Path(keep)
        self.rows, self.findings, self.checked, self.skipped = {}, [], {}, {}
        self.begun = time.monotonic()

    def injected(self, fault, times=1):
        """So many faults of this class were injected."""
        row = self.rows.setdefault(fault, [0, 0])
        row[0] += times

    def survived(self, fault, times=1):
        """So many of them were survived, with every check."""
        self.rows[fault][1] += times

    def check(self, what, times=1):
        self.checked[what] = self.checked.get(what, 0) + times

    def skip(self, what, why):
        """Said once and loudly: a check that could not be made."""
        if what not in self.skipped:
            print(f"!! {self.subject}: SKIPPED {what}: {why}", file=sys.stderr, flush=True)
        self.skipped[what] = why

    def finding(self, fault, what, reproduce="", data_dir=None):
        """A promise that did not hold. The directory is kept to be looked at."""
        if data_dir is not None and pathlib.Path(data_dir).exists():
            kept = self.keep / f"{self.subject}-{time.time_ns()}"
            shutil.copytree(data_dir, kept)
            reproduce += f"\n    directory kept in {kept}"
        print(f"!! {self.subject}: {fault}: {what}\n    {reproduce}", file=sys.stderr, flush=True)
        self.findings.append((fault, what, reproduce))

    def line(self, text):
        print(f"   {self.subject} {time.monotonic() - self.begun:5.1f} s: {text}", flush=True)


def table(reports):
    """The table as markdown."""
    lines = ["| Fault | Injected | Survived | Checked after each |", "|---|---|---|---|"]
    for report in reports:
        checked = ", ".join(f"{what} ({times})" if times > 1 else what for what, times in report.checked.items())
        if report.skipped:
            checked += "; not checked: " + ", ".join(report.skipped)
        for fault, (injected, survived) in report.rows.items():
            lines.append(f"| {fault} | {injected} | {survived} | {checked} |")
            checked = "as above"
    return "\n".join(lines) + "\n"
