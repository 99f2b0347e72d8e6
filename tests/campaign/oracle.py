"""What must hold after any fault: nothing acknowledged is lost, nothing is launched without a record or twice.

The log is judged by its leaves, which are read through the service and hashed here.
"""

import concurrent.futures
import json
import time

import grpc
from merkle import Checkpoint, Tree, consistency_roots, inclusion_root, leaf_hash
from service import CALL_SECONDS, audit_pb2, verify

READERS = 16
COVERED_SECONDS = 30


class Violation(AssertionError):
    """A promise that does not hold."""


def demand(holds, what):
    if not holds:
        raise Violation(what)


class Acknowledgements:
    """What callers were told: for each request id every answer."""

    def __init__(self):
        self.answers = {}

    def add(self, request_id, launch):
        self.answers.setdefault(request_id, []).append(launch)

    def __len__(self):
        return len(self.answers)


class Log:
    """All records of a log, as their leaves say."""

    def __init__(self, leaves):
        self.tree = Tree(leaf_hash(leaf) for leaf in leaves)
        self.decisions = {}  # request id -> [(index, launch id, verdict)]
        self.intended = {}  # client token -> (index, launch ids, attempt id); several launches may share an attempt
        self.shares = {}  # client token -> the launches that the leader's record names
        self.attempts = {}  # attempt id -> client token
        self.succeeded = {}  # client token -> (index, instance ids of all its launches)
        self.given = {}  # (client token, launch id) -> instance ids
        self.requests = {}  # launch id -> request id
        self.starts = []  # indexes
        self.ready = {}  # instance id -> index
        for index, leaf in enumerate(leaves):
            record = json.loads(leaf)
            kind, launch_id = record["kind"], record.get("launch_id")
            if kind == "decision" and not record.get("preview"):
                self.decisions.setdefault(record["request_id"], []).append((index, launch_id, record["verdict"]))
                self.requests[launch_id] = record["request_id"]
            elif kind == "attempt_intended":
                token = record["client_token"]
                demand(launch_id in self.requests, f"record {index}: an attempt before its decision")
                share = record.get("share", {})
                if token in self.intended:
                    launches = self.intended[token][1]
                    demand(
                        share.get("leader") == launches[0]
                        and launch_id in self.shares[token]
                        and launch_id not in launches,
                        f"record {index}: {token} is intended twice",
                    )
                    launches.append(launch_id)
                else:
                    self.intended[token] = (index, [launch_id], record["attempt_id"])
                    self.shares[token] = set(share.get("serves", []))
                self.attempts[record["attempt_id"]] = token
            elif kind == "attempt_succeeded":
                token = self.attempts.get(record["attempt_id"])
                demand(token is not None, f"record {index}: an outcome before its intent")
                demand((token, launch_id) not in self.given, f"record {index}: a second success of {token}")
                instances = {each["instance_id"] for each in record["instances"]}
                first, before = self.succeeded.get(token, (index, set()))
                demand(not before & instances, f"record {index}: {sorted(before & instances)} go to two launches")
                self.succeeded[token] = (first, before | instances)
                self.given[token, launch_id] = instances
            elif kind == "service_started":
                self.starts.append(index)
            elif kind == "instance_phase" and record["phase"] == "ready":
                self.ready[record["instance_id"]] = index

    def size(self):
        return self.tree.size()


def read_log(client):
    """The log of a running service."""

    def leaf(index):
        answer = client.record(index)
        demand(answer.record.index == index, f"record {index} is given as {answer.record.index}")
        demand(answer.leaf_hash == leaf_hash(answer.leaf), f"record {index}: the hash is not the leaf's")
        return answer.leaf

    size = client.size()
    with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
        return Log(list(readers.map(leaf, range(size))))


def check_acknowledged(log, acknowledged):
    """Every answer is on record, and all answers to a request are about one launch."""
    for request_id, answers in acknowledged.answers.items():
        ids = {answer.launch_id for answer in answers}
        demand(len(ids) == 1, f"{request_id} was answered with launches {sorted(ids)}")
        decisions = log.decisions.get(request_id, [])
        demand(decisions, f"LOST: {request_id} was acknowledged as {ids} and has no decision on record")
        demand(len(decisions) == 1, f"{request_id} was decided {len(decisions)} times: {decisions}")
        demand(decisions[0][1] in ids, f"{request_id} was acknowledged as {ids} and decided as {decisions[0]}")
        for answer in answers:
            for attempt in answer.attempts:
                token = log.attempts.get(attempt.attempt_id)
                demand(
                    token == attempt.client_token, f"LOST: {request_id}'s attempt {attempt.attempt_id} is not on record"
                )
            shown = {each.instance_id for each in answer.instances}
            tokens = [log.attempts[attempt.attempt_id] for attempt in answer.attempts]
            known = set().union(*(log.given.get((token, answer.launch_id), set()) for token in tokens))
            demand(shown <= known, f"LOST: {request_id} was acknowledged with {shown}, on record are {known}")


def check_launched(log, launched, settled=True):
    """Every RunInstances has an earlier intent, and a request one set of instances. `launched`: token -> instances."""
    by_request = {}
    for token, instances in launched.items():
        demand(token in log.intended, f"EC2 launched {sorted(instances)} under {token}, which no record intends")
        index, launches, _ = log.intended[token]
        served = [launch_id for launch_id in launches if (token, launch_id) in log.given]
        for launch_id in served or launches:
            by_request.setdefault(log.requests[launch_id], []).append(token)
        if settled:
            demand(token in log.succeeded, f"EC2 launched {sorted(instances)} under {token}, and no record says so")
        if token in log.succeeded:
            after, recorded = log.succeeded[token]
            demand(index < after, f"{token}: its outcome is record {after}, before its intent {index}")
            demand(recorded == instances, f"{token}: recorded {sorted(recorded)}, launched {sorted(instances)}")
    for request_id, tokens in by_request.items():
        demand(len(tokens) == 1, f"DOUBLED: {request_id} launched under {tokens}")


def check_checkpoints(client, log, notes):
    """Every checkpoint ever handed out is one of this log, and the service proves it. How many were proved."""
    if not notes:
        return 0
    info = client.audit.GetLogInfo(audit_pb2.GetLogInfoRequest(), timeout=CALL_SECONDS).logs[0]
    checkpoints = sorted((Checkpoint(note) for note in set(notes)), key=lambda each: each.size)
    for checkpoint in checkpoints:
        demand(checkpoint.origin == info.origin, f"origin {checkpoint.origin!r}, not {info.origin!r}")
        checkpoint.check_signature(info.verifier_keys)
        demand(
            checkpoint.size <= log.size(), f"LOST: a checkpoint of {checkpoint.size} records, the log has {log.size()}"
        )
        demand(log.tree.root(checkpoint.size) == checkpoint.root, f"the root at {checkpoint.size} is not the leaves'")
    for old, new in zip(checkpoints, checkpoints[1:]):
        check_consistency(client, old, new)
    return len(checkpoints)


def check_consistency(client, old, new):
    """A consistency proof between two checkpoints, verified here."""
    if old.size in (0, new.size):
        demand(old.size == 0 or old.root == new.root, f"two roots for {old.size} records")
        return
    asked = audit_pb2.GetConsistencyProofRequest(old_size=old.size, new_size=new.size)
    proof = client.audit.GetConsistencyProof(asked, timeout=CALL_SECONDS)
    roots = consistency_roots(old.size, new.size, old.root, proof.hashes)
    demand(roots == (old.root, new.root), f"the proof from {old.size} to {new.size} leads to other roots")


def check_inclusion(client, log, acknowledged, most):
    """The decisions of acknowledged launches are proved to be in the log. How many; None if there are no proofs yet."""
    indexes = sorted(log.decisions[request_id][0][0] for request_id in acknowledged.answers)
    proved = 0
    for index in indexes[:: max(1, len(indexes) // most)]:
        proof = inclusion(client, index, log.size())
        if proof is None:
            return None
        demand(proof.tree_size == log.size(), f"a proof in {proof.tree_size} records, not in {log.size()}")
        demand(proof.leaf_hash == log.tree.levels[0][index], f"record {index}: the proof is about another leaf")
        root = inclusion_root(index, proof.tree_size, proof.leaf_hash, proof.hashes)
        demand(root == proof.root_hash == log.tree.root(proof.tree_size), f"record {index} is not proved")
        proved += 1
    return proved


def inclusion(client, index, size):
    """A proof in the log of a size, as soon as a checkpoint covers that."""
    asked = audit_pb2.GetInclusionProofRequest(index=index, tree_size=size)
    deadline = time.monotonic() + COVERED_SECONDS
    while True:
        try:
            return client.audit.GetInclusionProof(asked, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return None
            demand(
                error.code() == grpc.StatusCode.OUT_OF_RANGE,
                f"no proof of record {index}: {error.code()} {error.details()}",
            )
            demand(time.monotonic() < deadline, f"record {index} is in no checkpoint after {COVERED_SECONDS} s")
            time.sleep(0.2)


def check_verify(data_dir, notes, scratch, report):
    """`gantry audit verify` of a directory that nobody has open passes, with every checkpoint kept."""
    said = verify(data_dir, notes, scratch)
    if said is None:
        report.skip("gantry audit verify", "the binary has no such command yet")
        return
    demand(said[0] == 0, f"audit verify: exit code {said[0]}: {said[1]}")
    report.check("audit verify")
