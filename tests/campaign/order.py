"""The order of system calls: what is promised to be durable first, is.

In a trace of some launches at once, for each of them: the decision is written to the journal and synced before the
intent is written; the intent is synced before the first byte of RunInstances goes to EC2; the outcome is synced
before the first byte of the answer goes to the caller. A sync counts when it has returned 0, and covers what had been
written when it began. A kill cannot see any of it, because the page cache survives it.
"""

import concurrent.futures
import re
import tempfile

import traces
from oracle import Violation, check_verify, demand
from service import Client, Ended, Sandbox, Service, request

CALLERS = 6
FAULT = "none: the order of system calls of a launch"
SENDS = {"sendto", "sendmsg", "write", "writev"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}
SYNCS = {"fdatasync", "fsync"}
HEADERS = 1


class Journal:
    """What was written to the segments, and what was synced when."""

    def __init__(self, calls, data_dir):
        ours = [call for call in calls if re.match(rf"{re.escape(data_dir)}/journal/\d{{20}}\.seg", call.path())]
        self.writes = [call for call in ours if call.name in WRITES]
        self.syncs = [call for call in ours if call.name in SYNCS and call.result == 0]

    def written(self, *words):
        """The write that holds all of these words in one record."""
        for call in self.writes:
            for line in call.data().split(b'{"v":'):
                if all(word in line for word in words):
                    return call
        raise Violation(f"no write to the journal holds {words}")

    def durable(self, write):
        """Where in the trace a sync returned that covers the write."""
        covering = (s.ended for s in self.syncs if write.ended < s.began and s.path() == write.path())
        end = min(covering, default=None)
        demand(end is not None, f"a write to {write.path()} is never synced")
        return end


def answers(calls):
    """Of each connection that the service answers on: the call that began each answer's head, by stream."""
    streams, pending = {}, {}
    for call in sorted((c for c in calls if c.name in SENDS and "TCP" in c.path() and c.result), key=lambda c: c.began):
        place = call.path()
        data = pending.get(place, b"") + call.data()
        at = 0
        # Frames of HTTP/2: 24 bits of length, type, flags, stream. What EC2 is sent is HTTP/1.1 and begins with a word.
        if data[:4] in (b"POST", b"GET "):
            continue
        while len(data) - at >= 9:
            length, kind = int.from_bytes(data[at : at + 3], "big"), data[at + 3]
            stream = int.from_bytes(data[at + 5 : at + 9], "big") & 0x7FFFFFFF
            if kind == HEADERS:
                streams.setdefault((place, stream), call)
            if len(data) - at < 9 + length:
                break
            at += 9 + length
        pending[place] = data[at:]
    return streams


def check_launch(journal, calls, heads, launch):
    """One launch's order. `heads`: the answer's first byte, by the launch id that it carries."""
    words = launch.launch_id.encode(), launch.attempts[0].client_token.encode()
    decision = journal.written(words[0], b'"kind":"decision"')
    intent = journal.written(words[1], b'"kind":"attempt_intended"')
    outcome = journal.written(launch.attempts[0].attempt_id.encode(), b'"kind":"attempt_succeeded"')
    asked = [
        call for call in calls if call.name in SENDS and b"Action=RunInstances" in (d := call.data()) and words[1] in d
    ]
    demand(asked, f"{launch.launch_id}: RunInstances under {words[1]} was not seen")
    # Head and body may be sent apart: the first byte is that of the last POST before the body.
    run = min(first_byte(calls, call) for call in asked)
    head = heads[launch.launch_id]
    demand(
        journal.durable(decision) < intent.began,
        f"{launch.launch_id}: the intent is written before the decision is durable",
    )
    demand(journal.durable(intent) < run, f"{launch.launch_id}: RunInstances is sent before its intent is durable")
    demand(run < outcome.began, f"{launch.launch_id}: an outcome before its call")
    demand(journal.durable(outcome) < head.began, f"{launch.launch_id}: answered before the outcome is durable")


def first_byte(calls, body):
    """Where the request began to be sent of which `body` carries the form."""
    if body.data().startswith(b"POST"):
        return body.began
    before = [c for c in calls if c.name in SENDS and c.path() == body.path() and c.began < body.began]
    heads = [c for c in before if c.data().startswith(b"POST")]
    return heads[-1].began if heads else body.began


def answer_heads(calls, launches):
    """The first byte of each answer: the call that sent the head of the stream on which its launch id went."""
    streams = answers(calls)
    heads = {}
    for launch in launches:
        words = launch.launch_id.encode()
        places = {c.path() for c in calls if c.name in SENDS and words in c.data()} & {place for place, _ in streams}
        demand(places, f"{launch.launch_id}: the answer was not seen")
        # One call on each connection: its head is the first one there.
        heads[launch.launch_id] = min(
            (head for (place, _), head in streams.items() if place in places), key=lambda c: c.began
        )
    return heads


def run(report, long):
    with tempfile.TemporaryDirectory(dir=report.scratch) as scratch:
        data_dir, trace = f"{scratch}/data", f"{scratch}/trace"
        sandbox = Sandbox(scratch)
        command = traces.strace(trace, f"{traces.FILE_CALLS},{traces.SOCKET_CALLS}")
        service = Service(sandbox, data_dir, scratch, command)
        try:
            address = service.address()

            def launch(number):
                client = Client(address)
                try:
                    return client.insist(request(f"order-{number}", user_data=b"#!/bin/sh" if number % 2 else b""))
                finally:
                    client.close()

            launches = []
            with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
                launches += callers.map(launch, range(CALLERS * (10 if long else 2)))
            service.stop()
            calls = traces.read(trace)
            journal = Journal(calls, data_dir)
            heads = answer_heads(calls, launches)
            for launch in launches:
                report.injected(FAULT)
                check_launch(journal, calls, heads, launch)
                report.survived(FAULT)
            report.check("decision before intent, intent before RunInstances, outcome before answer", len(launches))
            check_verify(data_dir, [], scratch, report)
        except (Violation, Ended) as violation:
            report.finding(FAULT, violation, "tests/campaign/run order", data_dir)
        finally:
            service.kill()
            sandbox.kill()
