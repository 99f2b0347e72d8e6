"""Every system call that touches the data directory fails once with EIO or ENOSPC, or the process is killed there.

Four situations: a start on a fresh directory, a start on one that a killed server left, a burst of launches, and a
burst in which the journal begins new segments. Each is traced once to learn its calls. Then for every call there it is
run again with strace striking at just that one, counted among the thread's calls of this name on this path. Files
whose names cannot be known before (user data, by launch) are not struck at.

After each: a start without injection succeeds, nothing acknowledged is lost, nothing is launched twice, and after a
failed sync of the journal no launch was acknowledged that was asked for later.
"""

import concurrent.futures
import os
import queue
import random
import tempfile
import time

import grpc
import traces
from faults import CHANGES, NO_SPACE, SITUATIONS, Fault, form, struck_at
from oracle import Acknowledgements, Violation, check_acknowledged, check_launched, check_verify, demand, read_log
from service import Client, Ended, Sandbox, Service, copy, request

CALLERS = 3
LAUNCHES_EACH = 2
LAUNCHES_EACH_TO_ROLL = 8
ROLL_BYTES = 64 << 10
TRIES = 2
WORKERS = os.cpu_count() or 2
SAMPLE_EACH = 5


class Bench:
    """A sandbox, and everything that is done to directories against it. One for each worker."""

    def __init__(self, scratch):
        self.scratch = tempfile.mkdtemp(dir=scratch)
        self.sandbox = Sandbox(self.scratch)
        self.cases = 0

    def start(self, data_dir, strace=(), segment_bytes=None):
        service = Service(self.sandbox, data_dir, self.scratch, strace, segment_bytes)
        return service, service.address()

    def burst(self, address, each, prefix):
        """Launches by some callers at once: (request id, when it was sent, the answer or None)."""

        def call(number):
            client, told = Client(address), []
            for turn in range(each):
                request_id, answer = f"{prefix}-{number}-{turn}", None
                sent = time.time()
                for _ in range(TRIES):
                    try:
                        answer = client.launch(request(request_id, user_data=b"#!/bin/sh" if turn % 2 else b""), 30)
                        break
                    except grpc.RpcError:
                        pass
                told.append((request_id, sent, answer))
            client.close()
            return told

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            return [each for told in callers.map(call, range(CALLERS)) for each in told]

    def learn(self, situation, data_dir, segment_bytes=None):
        """All faults of a situation, from one run of it."""
        trace = f"{self.scratch}/learned-{situation}"
        each = LAUNCHES_EACH_TO_ROLL if situation == "roll" else LAUNCHES_EACH
        service, address = self.start(data_dir, traces.strace(trace, traces.FILE_CALLS), segment_bytes)
        ready = time.time()
        try:
            if situation in ("burst", "roll"):
                self.burst(address, each, "learn")
        finally:
            service.kill()
        counts, seen = {}, {}
        for call in traces.read(trace):
            path = struck_at(call) if call.name in CHANGES else None
            if path is None or (where := form(path, str(data_dir))) is None or call.result is None:
                continue
            key = call.thread, call.name, where
            counts[key] = counts.get(key, 0) + 1
            early = call.begun < ready
            if early == (situation in ("fresh", "existing")):
                seen[call.name, where, counts[key]] = True
        faults = []
        for name, where, number in seen:
            kinds = ["EIO", "ENOSPC", "KILL"] if name in NO_SPACE else ["EIO", "KILL"]
            faults += [Fault(situation, name, where, number, kind) for kind in kinds]
        if situation == "roll":
            # The rest of it is the burst's.
            faults = [f for f in faults if f.form.startswith("journal") and f.name not in ("pwrite64", "fdatasync")]
        return faults

    def strike(self, fault, template, segment_bytes, report):
        """Runs one fault. Whether it struck."""
        self.cases += 1
        data_dir, trace = f"{self.scratch}/case-{self.cases}/data", f"{self.scratch}/struck-{self.cases}"
        os.mkdir(os.path.dirname(data_dir))
        if template:
            copy(template, data_dir)
        before, told, service = set(self.sandbox.tokens()), [], None
        prefix = f"case-{self.cases}"
        try:
            try:
                service = Service(self.sandbox, data_dir, self.scratch, fault.strace(data_dir, trace), segment_bytes)
                address = service.address()
                if fault.situation in ("burst", "roll"):
                    told = self.burst(
                        address, LAUNCHES_EACH_TO_ROLL if fault.situation == "roll" else LAUNCHES_EACH, prefix
                    )
                # Asked after everything, so that what has failed may show.
                told += self.burst(address, 1, f"{prefix}-later")
            except Ended as ended:
                demand("not ready within" not in str(ended), f"the start hangs: {ended}")
            service.kill()
            hit = [call for call in traces.read(trace) if call.injected()] if fault.kind != "KILL" else killed(trace)
            if not hit:
                return False
            if fault.breaks_sync():
                late = [request_id for request_id, sent, answer in told if answer and sent > hit[0].begun]
                demand(not late, f"acknowledged after a sync of the journal had failed: {late}")
                report.check("nothing acknowledged after a failed sync")
            self.recover(data_dir, told, before, segment_bytes)
            check_verify(data_dir, [], self.scratch, report)
            return True
        except (Violation, Ended, grpc.RpcError) as violation:
            said = service.said()[-800:] if service else ""
            report.finding(str(fault), violation, f"{fault.command()}\n    it said: {said}", data_dir)
            return True
        finally:
            if service:
                service.kill()

    def recover(self, data_dir, told, before, segment_bytes):
        """A start without injection, and every check."""
        service, address = self.start(data_dir, segment_bytes=segment_bytes)
        try:
            client, acknowledged = Client(address), Acknowledgements()
            for request_id, _, answer in told:
                if answer:
                    acknowledged.add(request_id, answer)
                turn = request_id.rsplit("-", 1)[1]
                asked = request(request_id, user_data=b"#!/bin/sh" if int(turn) % 2 else b"")
                acknowledged.add(request_id, client.insist(asked))
            log = read_log(client)
            check_acknowledged(log, acknowledged)
            after = self.sandbox.tokens()
            check_launched(log, {token: after[token] for token in after.keys() - before})
            client.close()
        finally:
            service.kill()


def killed(trace):
    """The calls that the process was killed in: they have no result."""
    return [call for call in traces.read(trace) if call.result is None]


def chosen(faults, long, draw):
    """All of them; or a few of each situation, and always those that matter most."""
    if long:
        return faults
    picked = []
    for situation in SITUATIONS:
        ours = [fault for fault in faults if fault.situation == situation]
        vital = [f for f in ours if situation == "burst" and f.breaks_sync()]
        picked += draw.sample(ours, min(SAMPLE_EACH, len(ours))) + draw.sample(vital, min(2, len(vital)))
    return picked


def run(report, long):
    made = [Bench(report.scratch) for _ in range(WORKERS)]
    try:
        strike_all(report, long, made)
    finally:
        for bench in made:
            bench.sandbox.kill()


def strike_all(report, long, made):
    draw, verbose = random.Random(report.seed), long
    benches = queue.Queue()
    for bench in made[1:]:
        benches.put(bench)
    bench = made[0]
    template = f"{report.scratch}/template"
    service, address = bench.start(template)
    bench.burst(address, LAUNCHES_EACH, "template")
    service.kill()
    faults = bench.learn("fresh", f"{report.scratch}/fresh")
    faults += bench.learn("existing", copy(template, f"{report.scratch}/existing"))
    faults += bench.learn("burst", f"{report.scratch}/burst")
    # Not on a fresh directory: its start makes a segment too, and would be struck first.
    rolled = copy(template, f"{report.scratch}/roll")
    roll = bench.learn("roll", rolled, ROLL_BYTES)
    if len(os.listdir(f"{rolled}/journal")) > 1:
        faults += roll
    else:
        report.finding("segment roll", "no segment was rolled")
    benches.put(bench)
    picked = chosen(faults, long, draw)
    report.line(f"{len(picked)} of {len(faults)} faults")

    def strike(fault):
        bench, begun = benches.get(), time.monotonic()
        try:
            begun_on = None if fault.situation in ("fresh", "burst") else template
            struck = bench.strike(fault, begun_on, ROLL_BYTES if fault.situation == "roll" else None, report)
        finally:
            benches.put(bench)
        if verbose:
            report.line(f"{fault}: {'struck' if struck else 'not reached'} ({time.monotonic() - begun:.1f} s)")
        return fault, struck

    missed, found = 0, len(report.findings)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
        for fault, struck in workers.map(strike, picked):
            if not struck:
                missed += 1
                continue
            report.injected(fault.label())
            if not any(what == str(fault) for what, *_ in report.findings[found:]):
                report.survived(fault.label())
    survived = sum(row[1] for row in report.rows.values())
    report.check("a start without injection, acknowledged launches on record, one launch each", survived)
    report.line(f"{missed} faults were not reached")
