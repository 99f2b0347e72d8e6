"""Somebody changes the log on disk: bytes, records, files, or the whole directory back to what it was.

An auditor outside has kept one checkpoint. For each change either `gantry audit verify` with that checkpoint or the
next start must say no; or the start must serve every record as it was, the change undone. Who changes a record may
also compute its checksum anew: the checksum is against accidents, and only hashes are against that.
"""

import concurrent.futures
import os
import random
import re
import shutil
import tempfile

import grpc
from oracle import demand
from service import Client, Ended, Sandbox, Service, checkpoint, copy, request, verify

WORKERS = os.cpu_count() or 2
FLIPS = 24
# Without `audit verify` each takes a start.
FLIPS_BY_STARTS = 400
OTHER_FILES_EACH = 3
HEAD_BYTES = 24  # len u32, crc32c u32, index u64, group u32, more u32
HEADER_BYTES = 128

CRC_TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    CRC_TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def frames(segment):
    """Where each record's frame begins and ends. None if the format is not the one known here."""
    found, at = [], HEADER_BYTES
    while (length := int.from_bytes(segment[at : at + 4], "little")) and at + HEAD_BYTES + length <= len(segment):
        end = at + HEAD_BYTES + length
        if crc32c(segment[at + 8 : end]) != int.from_bytes(segment[at + 4 : at + 8], "little"):
            return None
        found.append((at, end))
        at = end
    return found or None


def sealed(frame):
    """A frame with its checksum made to hold."""
    return frame[:4] + crc32c(frame[8:]).to_bytes(4, "little") + frame[8:]


def changes(segment, flips, draw):
    """(class, what, the changed bytes) of a segment."""
    used = len(segment.rstrip(b"\x00"))
    for at in flips(used):
        flipped = bytearray(segment)
        flipped[at] ^= 1 << draw.randrange(8)
        yield "a byte of the journal flipped", f"byte {at}", bytes(flipped)
    known = frames(segment)
    if known is None:
        yield "the format of frames", "", None
        return
    cut = [each for start, end in known for each in (start, (start + end) // 2)]
    for at in cut:
        yield "the journal truncated", f"at byte {at}", segment[:at]
        yield "the journal truncated", f"zeros from byte {at}", segment[:at] + bytes(len(segment) - at)
    tail = segment[used:]
    for (a, b), (c, d) in zip(known, known[1:]):
        swapped = segment[:a] + segment[c:d] + segment[a:b] + segment[d:]
        yield "two records swapped", f"bytes {a} and {c}", swapped
        doubled = segment[:b] + segment[a:b] + segment[b:used] + tail
        yield "a record duplicated", f"byte {a}", doubled[: len(segment)]
        # The heads stay in their places, and both checksums hold.
        first, second = (bytearray(segment[x:y]) for x, y in ((a, b), (c, d)))
        first[8:HEAD_BYTES], second[8:HEAD_BYTES] = second[8:HEAD_BYTES], first[8:HEAD_BYTES]
        yield (
            "two records swapped, checksums made anew",
            f"bytes {a} and {c}",
            segment[:a] + sealed(second) + sealed(first) + segment[d:],
        )
    for start, end in known:
        leaf = segment[start + HEAD_BYTES : end]
        other = re.sub(
            rb'("time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)',
            lambda m: m[1][:-1] + (b"1" if m[1][-1:] == b"0" else b"0"),
            leaf,
            count=1,
        )
        if other != leaf:
            forged = segment[:start] + sealed(segment[start : start + HEAD_BYTES] + other) + segment[end:]
            yield "a record changed, checksum made anew", f"byte {start}", forged
    start, end = known[-1]
    yield "the last record taken away", "and zeros in its place", segment[:start] + bytes(end - start) + segment[end:]


class Subject:
    """A small log, an older copy of it, what its records are, and a checkpoint kept outside."""

    def __init__(self, report, scratch):
        self.report, self.scratch = report, scratch
        self.sandbox = Sandbox(scratch)
        made = f"{scratch}/made/data"
        os.mkdir(f"{scratch}/made")
        self.launch(made, "tamper-1")
        self.older = copy(made, f"{scratch}/older")
        self.note = self.launch(made, "tamper-2")
        self.pristine = copy(made, f"{scratch}/pristine")
        self.leaves = self.served(f"{scratch}/made", made)
        demand(self.leaves is not None, "the log that nobody touched does not start")
        said = verify(self.pristine, self.kept(), scratch)
        demand(said is None or said[0] == 0, f"the log that nobody touched does not verify: {said}")
        self.verifies = said is not None
        if not self.verifies:
            report.skip("audit verify", "the binary has no such command: what only hashes can show is not checked")
        # What a start appends is not in question.
        self.leaves = self.leaves[: self.size]

    def launch(self, data_dir, request_id):
        """One launch on the directory, an orderly stop, and the checkpoint before it."""
        service = Service(self.sandbox, data_dir, self.scratch)
        try:
            client = Client(service.address())
            client.insist(request(request_id))
            self.size = client.size()
            answer = checkpoint(client)
            client.close()
            return answer and answer.checkpoint
        finally:
            service.stop()

    def kept(self):
        return [self.note] if self.note else []

    def served(self, scratch, data_dir):
        """All leaves, if the directory starts; None if it refuses."""
        service = Service(self.sandbox, data_dir, scratch)
        try:
            client = Client(service.address())
            leaves = [client.record(index).leaf for index in range(client.size())]
            client.close()
            return leaves
        except Ended as ended:
            demand("not ready within" not in str(ended), f"the start hangs: {ended}")
            demand("panicked" not in str(ended), f"the start panics: {ended}")
            return None
        finally:
            service.kill()

    def judge(self, change, only_verify=False):
        """What becomes of one change: how it is met, or None. `change` alters a copy of the directory."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as own:
            data_dir = copy(self.pristine, f"{own}/data")
            change(data_dir)
            if self.verifies:
                code, said = verify(data_dir, self.kept(), own)
                demand(code in (0, 1) and "panicked" not in said, f"audit verify: exit code {code}: {said}")
                if code == 1:
                    return "verify"
            if only_verify:
                return None
            leaves = self.served(own, data_dir)
            if leaves is None:
                return "start-up"
            return "undone" if leaves[: len(self.leaves)] == self.leaves else None


def behead(data_dir):
    """Takes away the last record and everything that could tell, but for whose log it is and its key."""
    segment = sorted((data_dir / "journal").glob("*.seg"))[-1]
    content = segment.read_bytes()
    start = (frames(content) or [(len(content.rstrip(b"\x00")) // 2, 0)])[-1][0]
    segment.write_bytes(content[:start] + bytes(len(content) - start))
    for path in data_dir.rglob("*"):
        if (
            path.is_file()
            and path.suffix != ".seg"
            and path.name not in ("LOCK", "OWNER.json")
            and "key" not in path.name
        ):
            path.unlink()
    shutil.rmtree(data_dir / "sled", ignore_errors=True)


def written(path, content):
    """A change that writes these bytes to a file of the directory."""
    return lambda data_dir: (data_dir / path).write_bytes(content)


def all_changes(subject, long, draw, report):
    """(class, what, change, whether it must be noticed, whether a start can be asked)."""
    most = None if long and subject.verifies else FLIPS_BY_STARTS if long else FLIPS

    def flips(used):
        return range(used) if most is None or used <= most else sorted(draw.sample(range(used), most))

    found = []
    for path in sorted((subject.pristine / "journal").glob("*.seg")):
        inside = path.relative_to(subject.pristine)
        for fault, what, content in changes(path.read_bytes(), flips, draw):
            if content is None:
                report.skip(
                    "records swapped, duplicated or forged", "the frames of the journal are not of the known format"
                )
            else:
                found.append((fault, f"{inside}: {what}", written(inside, content), "anew" in fault))
    if not long:
        flipped = [each for each in found if "flipped" in each[0]]
        others = [each for each in found if "flipped" not in each[0]]
        by_class = {}
        for each in others:
            by_class.setdefault(each[0], []).append(each)
        found = flipped + [each for ours in by_class.values() for each in draw.sample(ours, min(3, len(ours)))]
    found.append(
        ("the directory rolled back", "to an older copy", lambda data_dir: copy(subject.older, data_dir), True)
    )
    found.append(("the end of the journal and all that is made from it taken away", "", behead, True))
    for path in sorted(path for path in subject.pristine.rglob("*") if path.is_file()):
        inside = path.relative_to(subject.pristine)
        if inside.parts[0] in ("journal", "LOCK", "catalogue") and path.suffix in (".seg", ".snapshot", ""):
            continue
        content = path.read_bytes()
        fault = "another file damaged or deleted"
        found.append((fault, f"{inside} deleted", lambda data_dir, inside=inside: (data_dir / inside).unlink(), False))
        for _ in range(OTHER_FILES_EACH * (10 if long else 1)):
            if content:
                at = draw.randrange(len(content))
                flipped = content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
                found.append((fault, f"{inside}: byte {at}", written(inside, flipped), False))
                found.append((fault, f"{inside}: cut at {at}", written(inside, content[:at]), False))
    return found


def run(report, long):
    draw = random.Random(report.seed)
    with tempfile.TemporaryDirectory(dir=report.scratch) as scratch:
        subject = Subject(report, scratch)
        try:
            tried = all_changes(subject, long, draw, report)
            report.line(f"a log of {subject.size} records, {len(tried)} changes")

            def judge(change):
                fault, what, alter, only_hashes = change
                if only_hashes and not (subject.verifies and subject.note):
                    return fault, what, "skipped"
                try:
                    return fault, what, subject.judge(alter, only_verify=only_hashes)
                except (AssertionError, grpc.RpcError) as violation:
                    return fault, what, violation

            met = {}
            with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
                for fault, what, how in workers.map(judge, tried):
                    if how == "skipped":
                        continue
                    report.injected(fault)
                    if isinstance(how, str):
                        report.survived(fault)
                        met[how] = met.get(how, 0) + 1
                    else:
                        report.finding(
                            fault,
                            f"{what}: {how or 'nothing notices it'}",
                            f"tests/campaign/run tamper --seed {report.seed}",
                        )
            for how, words in [
                ("verify", "noticed by audit verify"),
                ("start-up", "refused by the start"),
                ("undone", "served as it was"),
            ]:
                if how in met:
                    report.check(words, met[how])
        finally:
            subject.sandbox.kill()
