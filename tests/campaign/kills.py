"""SIGKILL of the service at random instants, with many callers who repeat themselves until they are answered.

EC2 is a sandbox in another process, which outlives every server. Half of the requests have one caller, and the other
half four at once. After each kill, and before the next start, the journal's bytes must hold an intent for every
launch that EC2 knows. Every few rounds a log is finished: all callers are answered, and the whole of it is judged.
"""

import hashlib
import random
import tempfile
import threading
import time

import grpc
from oracle import (
    Acknowledgements,
    Checkpoint,
    Violation,
    check_acknowledged,
    check_checkpoints,
    check_consistency,
    check_inclusion,
    check_launched,
    check_verify,
    read_log,
)
from service import GONE, Client, Ended, Sandbox, Service, checkpoint, intended_tokens, request

CALLERS = 64
CONNECTIONS = 8
ROUNDS_PER_LOG = 25
FAULT = "SIGKILL of the server at a random instant"
WITNESS_SECONDS = 0.1
FIRST_ANSWER_SECONDS = 10
SETTLE_SECONDS = 300
INCLUSIONS_PROVED = 200
NO_PROOFS = "checkpoints and proofs"


class Callers:
    """Threads that launch, and ask again under the same request id until they are answered."""

    def __init__(self, report):
        self.report = report
        self.lock = threading.Lock()
        self.acknowledged = Acknowledgements()
        self.tickets = 0
        self.clients = []
        self.server_there = threading.Event()
        self.stopping = threading.Event()
        self.answered = threading.Event()
        self.wrong = []
        self.said = {}  # thread -> what it was told last
        self.calls = 0
        self.threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def _next(self):
        """A request id. Of eight that are drawn, four are the same."""
        with self.lock:
            ticket = self.tickets
            self.tickets += 1
        return f"shared-{ticket // 8}" if ticket % 8 < 4 else f"own-{ticket}"

    def _call(self, number):
        while not self.stopping.is_set():
            self.server_there.wait()
            if self.stopping.is_set():
                return
            request_id = self._next()
            asked = body(request_id)
            while True:
                self.server_there.wait()
                with self.lock:
                    client = self.clients[number % CONNECTIONS]
                    self.calls += 1
                try:
                    launch = client.launch(asked)
                except grpc.RpcError as error:
                    self.said[number] = f"{request_id}: {error.code()} {error.details()}"
                    if (
                        error.code() not in GONE
                        and client is self.clients[number % CONNECTIONS]
                        and self.server_there.is_set()
                    ):
                        # Once the server is dead the library may say anything.
                        time.sleep(0.2)
                        if client is self.clients[number % CONNECTIONS] and self.server_there.is_set():
                            self.wrong.append(f"{request_id}: {error.code()} {error.details()}")
                            break
                    time.sleep(0.01)
                except ValueError:
                    time.sleep(0.01)  # the connection was closed with its server
                else:
                    with self.lock:
                        self.acknowledged.add(request_id, launch)
                    self.answered.set()
                    break

    def connect(self, address):
        with self.lock:
            self.clients = [Client(address) for _ in range(CONNECTIONS)]
        self.answered.clear()
        self.server_there.set()

    def disconnect(self):
        self.server_there.clear()
        with self.lock:
            clients = self.clients
        for client in clients:
            client.close()

    def finish(self):
        """Every request that was begun is answered."""
        self.stopping.set()
        deadline = time.monotonic() + SETTLE_SECONDS
        for thread in self.threads:
            thread.join(max(0, deadline - time.monotonic()))
        waiting = [self.said.get(number) for number, thread in enumerate(self.threads) if thread.is_alive()]
        if waiting:
            raise Violation(
                f"{len(waiting)} callers were not answered within {SETTLE_SECONDS} s, but told {waiting[:5]}"
            )


def body(request_id):
    """The launch that a request id stands for: one or two instances, one in four with user data."""
    digest = hashlib.sha256(request_id.encode()).digest()
    user_data = b"#!/bin/sh\n" + digest.hex().encode() if digest[0] % 4 == 0 else b""
    return request(request_id, count=1 + digest[1] % 2, user_data=user_data)


class Witness:
    """Keeps every checkpoint that it is given, and has each proved consistent with the one before."""

    def __init__(self, report):
        self.report, self.notes, self.last = report, {}, None

    def look(self, client):
        answer = checkpoint(client)
        if answer is None:
            self.report.skip(NO_PROOFS, "GetCheckpoint is UNIMPLEMENTED")
            return
        new = Checkpoint(answer.checkpoint)
        if self.last is not None:
            if new.size < self.last.size:
                raise Violation(f"LOST: a checkpoint of {new.size} records after one of {self.last.size}")
            check_consistency(client, self.last, new)
        self.last = new
        self.notes[new.size] = answer.checkpoint

    def watch(self, address, seconds):
        """Looks again and again for so long."""
        client, until = Client(address), time.monotonic() + seconds
        try:
            while (left := until - time.monotonic()) > 0:
                self.look(client)
                time.sleep(min(WITNESS_SECONDS, left))
        finally:
            client.close()


def one_log(report, rounds, draw, scratch, first):
    """So many rounds on one directory, and its judgement."""
    data_dir = f"{scratch}/data"
    # Slow enough that EC2's tokens hold for the whole of it.
    sandbox = Sandbox(scratch)
    callers, witness = Callers(report), Witness(report)
    service = None
    try:
        for number in range(first, first + rounds):
            # A start takes about half a second, and the first launch after it waits for the facts of all types.
            when = draw.choices(["starting", "waiting", "answering"], [1, 1, 2])[0]
            instant = draw.uniform(0, {"starting": 0.6, "waiting": 2.0, "answering": 0.8}[when])
            service = Service(sandbox, data_dir, scratch)
            if when == "starting":
                time.sleep(instant)
                if not service.runs():
                    raise Violation(f"round {number}: the start was refused: {service.said()}")
            else:
                address = service.address()
                callers.connect(address)
                if when == "answering":
                    callers.answered.wait(FIRST_ANSWER_SECONDS)
                witness.watch(address, instant)
            report.injected(FAULT)
            died = not service.runs()
            said = service.said() if died else ""
            callers.disconnect()
            service.kill()
            if died:
                raise Violation(f"round {number}: the server ended by itself: {said}")
            missing = sandbox.tokens().keys() - intended_tokens(data_dir)
            if missing:
                raise Violation(
                    f"round {number}: EC2 launched under {sorted(missing)}, and the journal intends none of it"
                )
            if callers.wrong:
                raise Violation(f"round {number}: wrong answers: {callers.wrong[:3]}")
            report.survived(FAULT)
        service = Service(sandbox, data_dir, scratch)
        address = service.address()
        callers.connect(address)
        callers.finish()
        judge(report, callers, witness, sandbox, address)
        service.stop()
        check_verify(data_dir, witness.notes.values(), scratch, report)
    except (Violation, AssertionError, Ended, grpc.RpcError) as violation:
        report.finding(FAULT, violation, f"tests/campaign/run kills --seed {report.seed}", data_dir)
    finally:
        callers.stopping.set()
        callers.server_there.set()
        if service:
            service.kill()
        sandbox.kill()


def judge(report, callers, witness, sandbox, address):
    """The whole oracle, when every caller was answered."""
    client = Client(address)
    if NO_PROOFS not in report.skipped:
        witness.look(client)
    acknowledged = callers.acknowledged
    # What was acknowledged while booting may have open launches beside it that no caller waits for.
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        launched = sandbox.tokens()
        log = read_log(client)
        try:
            check_launched(log, launched)
            break
        except Violation as violation:
            if "no record says so" not in str(violation) or time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    check_acknowledged(log, acknowledged)
    if callers.wrong:
        raise Violation(f"wrong answers: {callers.wrong[:3]}")
    answers = sum(map(len, acknowledged.answers.values()))
    asked = f"{len(acknowledged)} requests, {answers} answers to {callers.calls} calls"
    report.line(f"{log.size()} records, {asked}, {len(launched)} launched")
    report.check("acknowledged launches on record", len(acknowledged))
    report.check("launches of EC2 with one earlier intent", len(launched))
    proved = check_checkpoints(client, log, witness.notes.values())
    if proved:
        report.check("checkpoints consistent, by our own RFC 6962", proved)
    included = check_inclusion(client, log, acknowledged, INCLUSIONS_PROVED)
    if included is None:
        report.skip("inclusion proofs", "GetInclusionProof is UNIMPLEMENTED")
    else:
        report.check("inclusion proofs", included)
    client.close()


def run(report, long):
    rounds = 500 if long else ROUNDS_PER_LOG
    draw = random.Random(report.seed)
    for first in range(0, rounds, ROUNDS_PER_LOG):
        with tempfile.TemporaryDirectory(dir=report.scratch) as scratch:
            one_log(report, min(ROUNDS_PER_LOG, rounds - first), draw, scratch, first)
