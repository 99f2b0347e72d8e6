"""The service and its EC2 as processes that are killed, traced and started again, and calls to them."""

import itertools
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import grpc

sys.path.insert(0, os.environ["GANTRY_STUBS"])
from gantry.v1 import audit_pb2, audit_pb2_grpc, launch_pb2, launch_pb2_grpc  # noqa: E402

BINARY = os.environ["GANTRY_BINARY"]
REGION = "sandbox-1"
# In every sandbox (src/sandbox/images/landmarks.rs).
IMAGE = "ami-05a4db0c500000001"
# A debug binary under strace on a busy machine.
START_SECONDS = 120
CALL_SECONDS = 60
INSIST_SECONDS = 120
WAIT_SECONDS = 2
INTENT = re.compile(rb'"kind":"attempt_intended"[^\x00\n]*?"client_token":"(gantry-[0-9a-f]{32})"')
# The server died under the call, or has not come back yet. Whatever else a launch answers is a finding.
GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}


class Ended(Exception):
    """The process ended before it accepted connections."""


class Process:
    """One `gantry` process, perhaps under strace, in a session of its own so that nothing of it is left."""

    def __init__(self, words, env, scratch, strace=()):
        self.log = pathlib.Path(scratch) / f"stderr-{time.monotonic_ns()}"
        self.traced = bool(strace)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*map(str, strace), BINARY, *map(str, words)],
                umask=0o022,
                env={"PATH": os.environ["PATH"], "HOME": str(scratch), **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self.process.stdout:
                self.lines.put(line)
        except ValueError:
            pass  # closed under the reader
        self.lines.put(None)

    def address(self, seconds=START_SECONDS):
        """Where it listens, once it does. Ended if it does not come to that."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                self.kill()
                raise Ended(f"not ready within {seconds} s:\n{self.said()}") from None
            if line is None:
                self.process.wait()
                raise Ended(f"exit code {self.process.returncode}:\n{self.said()}")
            if match := re.match(r"listening on (\S+)$", line.strip()):
                return match[1]

    def runs(self):
        return self.process.poll() is None

    def kill(self):
        """SIGKILL, to strace as well; nobody holds the directory when this returns."""
        own = self._own()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        deadline = time.monotonic() + START_SECONDS
        while any(map(is_alive, own)):
            assert time.monotonic() < deadline, f"{own} do not end"
            time.sleep(0.005)

    def stop(self, seconds=60):
        """SIGTERM, and SIGKILL to what is left."""
        for pid in self._own():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
        return self.process.returncode

    def _own(self):
        """The service itself: strace passes no signal on."""
        if not self.traced:
            return [self.process.pid]
        try:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in children.split()]

    def said(self):
        """The end of what it said on stderr."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text(errors="replace")[-3000:])


def is_alive(pid):
    """Whether a process still holds anything: its first thread may be a zombie while others end."""
    for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if thread.read_text().rpartition(")")[2].split()[0] not in "ZX":
                return True
        except OSError:
            pass
    return False


# Two sandboxes of one seed give their instances the same ids, and a directory may meet both.
SEEDS = itertools.count(1)


class Sandbox(Process):
    """An EC2 that outlives every server. Its clock is so slow that boots add few records, or as fast as told."""

    def __init__(self, scratch, speed=20):
        words = ["sandbox", "--listen", "127.0.0.1:0", "--images", 400, "--speed", speed, "--seed", next(SEEDS)]
        super().__init__(words, {}, scratch)
        self.url = f"http://{self.address()}"

    def plan(self, text):
        """Puts a plan of faults in force (docs/sandbox.md) in place of the one before."""
        put = urllib.request.Request(f"{self.url}/sandbox/faults", text.encode(), method="PUT")
        urllib.request.urlopen(put, timeout=CALL_SECONDS).close()

    def state(self):
        with urllib.request.urlopen(f"{self.url}/sandbox/state", timeout=CALL_SECONDS) as answer:
            return json.load(answer)["regions"][REGION]

    def tokens(self):
        """Every client token that RunInstances took effect under, with its instances."""
        launched = {}
        for instance in self.state()["instances"]:
            launched.setdefault(instance["client_token"], set()).add(instance["instance_id"])
        return launched


class Service(Process):
    """`gantry serve` on a data directory, against a sandbox; it may be told to die at a crash point."""

    def __init__(self, sandbox, data_dir, scratch, strace=(), segment_bytes=None, budget="scale = 1e6", crash_at=None):
        env = {
            "AWS_ENDPOINT_URL": sandbox.url,
            "AWS_ACCESS_KEY_ID": "campaign",
            "AWS_SECRET_ACCESS_KEY": "campaign",
            "AWS_REGION": REGION,
            # Nothing outside this machine is asked for credentials.
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if crash_at:
            env["GANTRY_CRASH_AT"] = crash_at
        words = ["serve", "--listen", "127.0.0.1:0", "--regions", REGION, "--data-dir", data_dir]
        # The sandbox takes calls at any rate, and mostly the rate is not what is tested.
        settings = f"[budget]\n{budget}\n"
        if segment_bytes:
            settings += f"[audit]\nsegment_kib = {segment_bytes >> 10}\n"
        config = pathlib.Path(scratch) / f"service-{segment_bytes}.toml"
        config.write_text(settings)
        words += ["--config", config]
        super().__init__(words, env, scratch, strace)


class Client:
    """A connection of its own to the service."""

    def __init__(self, address):
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", 64 << 20),
        ]
        self.channel = grpc.insecure_channel(address, options)
        self.launches = launch_pb2_grpc.LaunchServiceStub(self.channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(self.channel)

    def launch(self, request, seconds=CALL_SECONDS):
        return self.launches.LaunchInstances(request, timeout=seconds)

    def insist(self, request):
        """A launch, asked for again and again while the server is not there or EC2 is slow."""
        deadline = time.monotonic() + INSIST_SECONDS
        while True:
            try:
                return self.launch(request)
            except grpc.RpcError as error:
                if error.code() not in GONE or deadline < time.monotonic():
                    raise
                time.sleep(0.1)

    def get(self, launch_id):
        return self.launches.GetLaunch(launch_pb2.GetLaunchRequest(launch_id=launch_id), timeout=CALL_SECONDS)

    def size(self):
        """How many records the log has."""
        page = self.audit.ListRecords(audit_pb2.ListRecordsRequest(page_size=1), timeout=CALL_SECONDS)
        return page.records[0].index + 1 if page.records else 0

    def record(self, index):
        return self.audit.GetRecord(audit_pb2.GetRecordRequest(index=index), timeout=CALL_SECONDS)

    def close(self):
        self.channel.close()


def request(request_id, count=1, user_data=b"", tags=None):
    """A launch. The same arguments make the same body."""
    spec = launch_pb2.LaunchSpec(
        image=launch_pb2.ImageReference(image_id=IMAGE),
        instance_types=["t3.micro"],
        min_count=count,
        max_count=count,
        user_data=user_data,
        tags=tags or {},
    )
    asked = launch_pb2.LaunchInstancesRequest(region=REGION, spec=spec, reason="fault campaign", request_id=request_id)
    # Where the log takes nothing more, a launch that was decided before does not leave LAUNCHING.
    asked.wait_timeout.FromSeconds(WAIT_SECONDS)
    return asked


def intended_tokens(data_dir):
    """The client tokens of all attempts in the journal, read from the bytes of its segments: not by Gantry."""
    found = set()
    for segment in sorted(pathlib.Path(data_dir, "journal").glob("*.seg")):
        for line in INTENT.finditer(segment.read_bytes()):
            found.add(line[1].decode())
    return found


def verify(data_dir, checkpoints, scratch):
    """`gantry audit verify` with the checkpoints: (exit code, what it said). None if there is no such command yet."""
    words = [BINARY, "audit", "verify", "--data-dir", str(data_dir)]
    for number, checkpoint in enumerate(checkpoints):
        path = pathlib.Path(scratch) / f"checkpoint-{number}"
        path.write_bytes(checkpoint)
        words += ["--checkpoint", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    if done.returncode == 2 and "unrecognized subcommand" in done.stderr:
        return None
    return done.returncode, done.stderr.strip()


def checkpoint(client):
    """The latest checkpoint, as its answer. None if the service has no checkpoints yet."""
    try:
        return client.audit.GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=CALL_SECONDS)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise


def copy(source, target):
    """A copy of a data directory of which nobody holds anything. Holes stay holes."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)
    return pathlib.Path(target)
