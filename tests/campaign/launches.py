"""The server dies at every crash point of a launch, under every fault of EC2's, and another finishes what was begun.

Each cell has a directory and callers of its own: launches of one and of several instances, with user data, with a type
to fall back to, without any capacity, alike so that they share an attempt, one that is cancelled and one that is
terminated. After the death another server takes over, which in a sample may die as well, at a drawn point, and callers
repeat themselves; nobody else helps. Then every request has at most one set of instances, every instance one launch,
no launch is open, and repeats hear the same.
"""

import concurrent.futures
import os
import queue
import random
import tempfile
import threading
import time

import grpc
from cell import LAUNCHES, Cell
from matrix import FAULTS, all_cells, points, sample, unlisted
from oracle import Violation, demand
from page import check_page, write_page
from service import Ended, Sandbox

# Most of a cell is waiting: for a turn, for a pause to end.
WORKERS = 5 * (os.cpu_count() or 2)
# A boot takes less than a second, and what was terminated is remembered for a minute.
SPEED = 60
# What a sandbox has launched makes its state longer.
CELLS_PER_SANDBOX = 12


class Result:
    """What came of a cell."""

    def __init__(self, cell, fault, log):
        self.point, self.fault, self.deaths, self.untagged = cell.point, fault, cell.deaths, cell.untagged
        self.sets = sum(1 for launch in cell.final.values() if launch.instances)
        self.instances = sum(len(launch.instances) for launch in cell.final.values())
        self.shared = sum(1 for _, launches, _ in log.intended.values() if len(launches) > 1)


class Bench:
    """A sandbox for some cells, one after the other."""

    def __init__(self, scratch):
        self.scratch, self.sandbox, self.cells = scratch, None, 0

    def sandbox_for_next(self):
        if self.cells % CELLS_PER_SANDBOX == 0:
            self.close()
            self.sandbox = Sandbox(tempfile.mkdtemp(dir=self.scratch), SPEED)
        self.cells += 1
        return self.sandbox

    def close(self):
        if self.sandbox:
            self.sandbox.kill()


def label(fault):
    return f"death at each crash point of a launch, EC2's fault: {fault}"


def run(report, long):
    for point in unlisted():
        report.finding("the list of crash points", f"{point} is in no list of src/crash.rs")
    cells = [tuple(report.cell)] if report.cell else all_cells() if long else sample(random.Random(report.seed))
    benches, results, lock = queue.Queue(), [], threading.Lock()
    made = [Bench(report.scratch) for _ in range(min(WORKERS, len(cells)))]
    for bench in made:
        benches.put(bench)

    def one(point, fault):
        bench = benches.get()
        try:
            result = run_cell(report, bench, point, fault, long)
        finally:
            benches.put(bench)
        if result:
            with lock:
                results.append(result)

    try:
        with concurrent.futures.ThreadPoolExecutor(len(made)) as workers:
            list(workers.map(lambda cell: one(*cell), cells))
    finally:
        for bench in made:
            bench.close()
    finish(report, cells, results, long)


def run_cell(report, bench, point, fault, long):
    """One cell. The result; None if a promise did not hold, or the point was not reached."""
    scratch, begun = tempfile.mkdtemp(dir=bench.scratch), time.monotonic()
    draw = random.Random(f"{report.seed} {point} {fault}")
    again = None if long else f"{draw.choice(points())}:{draw.randint(1, 3)}"
    command = f"tests/campaign/run launches {'--long ' if long else ''}--seed {report.seed} --cell '{point}' '{fault}'"
    cell = None
    try:
        cell = Cell(bench.sandbox_for_next(), scratch, point, fault, again)
        result = Result(cell, fault, cell.run(report))
        demand(cell.reached, "not reached")
    except (Violation, AssertionError, Ended, OSError, grpc.RpcError) as violation:
        what = f"{violation} (then at {again})" if again else violation
        report.finding(f"{point} x {fault}", what, command, cell and cell.data_dir)
        return None
    if long:
        report.line(f"{point} x {fault}: {result.sets} sets ({time.monotonic() - begun:.1f} s)")
    return result


def finish(report, cells, results, long):
    """The rows of the summary; with all cells the page, and in any case whether its rows are the crash points."""
    for fault in FAULTS:
        if times := sum(1 for _, each in cells if each == fault):
            report.injected(label(fault), times)
            report.survived(label(fault), sum(1 for result in results if result.fault == fault))
    count = {key: sum(getattr(each, key) for each in results) for key in ("deaths", "instances", "shared", "untagged")}
    report.check("one set of instances for each request at most", len(results) * len(LAUNCHES))
    report.check("every instance of one launch", count["instances"])
    report.check("attempts that launches shared", count["shared"])
    report.check("no launch open, and repeats told the same", len(results))
    summary = (
        f"{len(cells)} cells, {count['deaths']} deaths, {len(results) * len(LAUNCHES)} requests, "
        f"{count['instances']} instances, {count['shared']} attempts that launches shared, "
        f"{count['untagged']} instances without the tag of their launch"
    )
    report.line(summary)
    if report.write_docs and long and not report.cell and not report.findings:
        write_page(results, summary)
    for difference in check_page(points()):
        report.finding("docs/semantics.md", difference, "tests/campaign/run launches --long --write-docs")
