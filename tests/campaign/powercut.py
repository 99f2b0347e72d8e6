"""The power is cut at instants throughout a run; the directory is rebuilt as the disk may hold it then, and started on.

What a disk may hold is said in disk.py. The run is a start on a fresh directory, a burst of launches, a kill, another
start and burst, and an orderly stop, all traced. What a caller had been told before the cut must be on record; every
RunInstances that had been sent must have its intent there, and comes to no second attempt.
"""

import concurrent.futures
import os
import random
import shutil
import tempfile
import threading
import time

import grpc
import traces
from disk import Disk
from oracle import Acknowledgements, Violation, check_acknowledged, check_launched, check_verify, demand, read_log
from service import Client, Ended, Sandbox, Service, checkpoint, request

CALLERS = 3
LAUNCHES_EACH = 4
SEGMENT = 64 << 10
CUTS = 40
CUTS_LONG = 500
WORKERS = os.cpu_count() or 2
FAULT = "power cut at a random instant"
NAMES_FAULT = "power cut, the names of new directories"


class Run:
    """A traced run: its calls, and who had been told what when."""

    def __init__(self, report, sandbox, scratch):
        self.report, self.sandbox, self.scratch = report, sandbox, scratch
        self.root = f"{scratch}/disk"
        self.data_dir = f"{self.root}/data"
        self.told, self.notes = [], []  # (when, request id, answer), (when, checkpoint)
        self.calls = []
        os.mkdir(self.root)
        self.once("first", kill=True)
        self.once("second", kill=False)
        # RunInstances that had begun to be sent, by token.
        self.sent = {}
        for call in self.calls:
            if call.name in ("sendto", "sendmsg", "write", "writev") and b"Action=RunInstances" in (
                data := call.data()
            ):
                token = data.split(b"ClientToken=")[1][:39].decode()
                self.sent.setdefault(token, call.began)

    def once(self, name, kill):
        trace = f"{self.scratch}/{name}"
        command = traces.strace(trace, f"{traces.FILE_CALLS},{traces.SOCKET_CALLS}")
        service = Service(self.sandbox, self.data_dir, self.scratch, command, SEGMENT)
        try:
            address = service.address()
            stop = threading.Event()
            witness = threading.Thread(target=self.witness, args=(address, stop))
            witness.start()
            with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
                list(callers.map(lambda number: self.call(address, f"{name}-{number}"), range(CALLERS)))
            stop.set()
            witness.join()
        finally:
            service.kill() if kill else service.stop()
        calls, last = traces.read(trace), self.calls[-1].began + 1 if self.calls else 0
        after = max((call.ended or call.began for call in self.calls), default=-1) + 1
        for call in calls:
            call.began += max(after, last)
            call.ended = None if call.ended is None else call.ended + max(after, last)
        self.calls += calls

    def call(self, address, prefix):
        client = Client(address)
        for turn in range(LAUNCHES_EACH):
            request_id = f"{prefix}-{turn}"
            answer = client.insist(request(request_id, user_data=b"#!/bin/sh" if turn % 2 else b""))
            self.told.append((time.time(), request_id, answer))
        client.close()

    def witness(self, address, stop):
        client = Client(address)
        while not stop.is_set():
            answer = checkpoint(client)
            if answer is None:
                self.report.skip("checkpoints", "GetCheckpoint is UNIMPLEMENTED")
                break
            self.notes.append((time.time(), answer.checkpoint))
            time.sleep(0.05)
        client.close()

    def cuts(self, count, draw):
        """Places in the trace, from the first call on the directory on; half of them right behind a write or a sync."""
        root = self.root.encode()
        ours = [
            call for call in self.calls if call.path().startswith(self.root) or any(root in s for s in call.strings())
        ]
        first, last = ours[0].began, max(call.ended or call.began for call in ours)
        near = [place for call in ours for place in (call.began, call.ended) if place is not None]
        return sorted(draw.choice([draw.randint(first, last), draw.choice(near)]) for _ in range(count))

    def instant(self, cut):
        """When a cut is, in seconds: before anything later in the trace had begun."""
        return max((call.begun for call in self.calls if call.began <= cut), default=0)


def check_cut(run, cut, seed, scratch, report):
    """Rebuilds the disk, starts on it, and checks."""
    draw = random.Random(seed)
    disk = Disk(run.root)
    disk.play(run.calls, cut)
    target = f"{scratch}/cut"
    disk.rebuild(target, draw, certain=["data"])
    data_dir = f"{target}/data"
    instant = run.instant(cut)
    acknowledged = Acknowledgements()
    for when, request_id, answer in run.told:
        if when < instant:
            acknowledged.add(request_id, answer)
    notes = [note for when, note in run.notes if when < instant]
    sent = {token for token, began in run.sent.items() if began <= cut}
    service, told = None, f"{len(acknowledged)} acknowledged, {len(sent)} sent to EC2"
    kept = f"{scratch}/as-cut"
    shutil.copytree(data_dir, kept) if os.path.exists(data_dir) else None
    try:
        service = Service(run.sandbox, data_dir, scratch, segment_bytes=SEGMENT)
        client = Client(service.address())
        log = read_log(client)
        check_acknowledged(log, acknowledged)
        launched = {token: instances for token, instances in run.sandbox.tokens().items() if token in sent}
        check_launched(log, launched)
        for token in sent:
            launch = client.get(log.intended[token][1][0])
            tokens = [attempt.client_token for attempt in launch.attempts]
            demand(tokens == [token], f"DOUBLED: after {token} was sent, {launch.launch_id} has attempts {tokens}")
        client.close()
        service.kill()
        check_verify(data_dir, notes, scratch, report)
        return True
    except (Violation, Ended, grpc.RpcError) as violation:
        how = f"cut at {cut} of this trace, seed {seed}; {told}; by tests/campaign/run powercut --seed {report.seed}"
        report.finding(FAULT, violation, how, kept)
        return False
    finally:
        if service:
            service.kill()


def check_names(run, report):
    """Every directory that records or user data are in has a durable name at the end of the run."""
    disk = Disk(run.root)
    disk.play(run.calls, 1 << 60)
    report.injected(NAMES_FAULT)
    lost, todo = [], [("", disk.top)]
    while todo:
        path, directory = todo.pop()
        for name, item in directory.names.items():
            if hasattr(item, "names"):
                todo.append((f"{path}{name}/", item))
                if directory.durable.get(name) is not item:
                    lost.append(f"{path}{name}")
    # What the catalogue and sled keep can be had again.
    lost = [path for path in lost if not path.startswith(("data/catalogue", "data/sled"))]
    if lost:
        what = f"the directories {lost} were made and their parents never synced: a power cut may take all in them"
        report.finding(NAMES_FAULT, what, "tests/campaign/run powercut")
    else:
        report.survived(NAMES_FAULT)


def run(report, long):
    draw = random.Random(report.seed)
    with tempfile.TemporaryDirectory(dir=report.scratch) as scratch:
        sandbox = Sandbox(scratch)
        try:
            traced = Run(report, sandbox, scratch)
            check_names(traced, report)
            cuts = traced.cuts(CUTS_LONG if long else CUTS, draw)
            report.line(f"{len(traced.calls)} calls, {len(traced.told)} launches, {len(cuts)} cuts")

            def cut_there(place_and_seed):
                with tempfile.TemporaryDirectory(dir=scratch) as own:
                    return check_cut(traced, *place_and_seed, own, report)

            with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
                survived = sum(workers.map(cut_there, [(cut, draw.randrange(1 << 32)) for cut in cuts]))
            report.injected(FAULT, len(cuts))
            report.survived(FAULT, survived)
            report.check("acknowledged launches on record", len(cuts))
            report.check("an intent for each RunInstances sent, and no second attempt", len(cuts))
        finally:
            sandbox.kill()
