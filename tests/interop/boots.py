"""Boots that are watched, by the command line and by grpcurl, while the server is killed and started again.

EC2 is a sandbox in a process of its own, so that it lives on; the server dies by SIGKILL at a moment that nobody has
prepared.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from processes import gantry

IMAGE = "ami-05a4db0c500000001"
REGION = "sandbox-1"
LAUNCHES = 5
KILLS = 3
SECONDS = 180


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Watched:
    """A command that prints events as JSON, as they come."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        text = ""
        for line in self.process.stdout:
            text += line
            # grpcurl prints an event over several lines, of which the first and the last are not indented.
            if line.startswith(("{", "}")) and line.endswith("}\n"):
                self.events.append(json.loads(text))
                text = ""

    def ended(self):
        code = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        return code, self.process.stderr.read()


class Raw:
    """A stream that grpcurl reads, which drops nothing, and that is taken up by hand after the last event."""

    def __init__(self, address, method, request, place):
        self.words = [address, f"gantry.v1.LaunchService/{method}"]
        self.request, self.place = request, place
        self.events, self.breaks = [], 0

    def open(self):
        after = {f"after_{self.place}": self.events[-1][self.place]} if self.events else {}
        self.stream = Watched("grpcurl", "-plaintext", "-d", json.dumps(self.request | after), *self.words)
        return self

    def heard(self):
        """Whether an event has come since it was opened, or none will."""
        return any(self.place in event for event in self.stream.events) or self.stream.process.poll() is not None

    def close(self):
        """Waits for the end of the stream, and keeps what has come; heartbeats have no place."""
        code, said = self.stream.ended()
        assert code == 0 or "Unavailable" in said, said
        self.breaks += code != 0
        self.events += [event for event in self.stream.events if self.place in event]
        return self


def launch(server, number):
    words = ["launch", "--image", IMAGE, "--types", "m7i.large", "--count", "2", "--region", REGION, "--watch"]
    words += ["--request-id", f"kill-{number}", "--reason", "interop", "--server", server, "--output", "json"]
    return Watched(os.environ["GANTRY_BINARY"], *words)


def raw_streams(address, events):
    """A stream of the launch that the events are of, and one of its instances; none while these are not told of."""
    ids = sorted({event["instanceId"] for event in events if "instanceId" in event})
    if len(ids) < 2:
        return []
    of_launch = Raw(address, "WatchLaunch", {"launch_id": events[0]["launchId"]}, "sequence")
    of_instances = Raw(address, "WatchInstances", {"region": REGION, "instance_ids": ids}, "cursor")
    return [of_launch.open(), of_instances.open()]


def sequences(events):
    return [int(event["sequence"]) for event in events if "sequence" in event]


def told(events, instance_id=None):
    """What every stream says of an event, of one instance or all: not its place, nor what other boots make expected."""
    own = {"sequence", "cursor", "progress", "expectedRemaining"}
    wanted = [event for event in events if instance_id in (None, event.get("instanceId"))]
    return [{name: event[name] for name in sorted(event.keys() - own)} for event in wanted]


def compare(of_launch, of_instances):
    """Raw streams that were broken off say what one says that reads all of it at once: nothing twice, nothing less."""
    for raw in [of_launch, of_instances]:
        assert 0 < raw.breaks <= KILLS, f"it was broken off {raw.breaks} times"
        kept = len(raw.events)
        assert len(raw.open().close().events) == kept, f"after its end came {raw.events[kept:]}"
    whole = Raw(of_launch.words[0], "WatchLaunch", of_launch.request, "sequence").open().close().events
    for events in [whole, of_launch.events]:
        assert sequences(events) == list(range(1, len(whole) + 1)), sequences(events)
    assert told(of_launch.events) == told(whole), f"{of_launch.events}\n{whole}"
    for instance_id in of_instances.request["instance_ids"]:
        own, same = told(of_instances.events, instance_id), told(whole, instance_id)
        # It began with where the instance stood.
        assert own == same[same.index(own[0]) :], f"{own}\n{same}"


def killed(sandbox, data_dir):
    """Watchers of a server that is killed three times see every event once, in order, to the end."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    env = {
        "AWS_ENDPOINT_URL": f"http://{sandbox}",
        "AWS_ACCESS_KEY_ID": "interop",
        "AWS_SECRET_ACCESS_KEY": "interop",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    words = ["serve", "--listen", address, "--data-dir", data_dir]
    watches, raws = [], []
    try:
        for life in range(KILLS + 1):
            with gantry(*words, env=env) as service:
                if not watches:
                    watches = [launch(f"http://{address}", number) for number in range(LAUNCHES)]
                raws = [raw.open() for raw in raws]
                seen = [len(watch.events) for watch in watches]
                limit = time.monotonic() + SECONDS
                # Somebody has heard something new, so that it dies in the middle of something; the raw streams too, since
                # what came twice would come first.
                while [len(watch.events) for watch in watches] == seen or not raws or not all(raw.heard() for raw in raws):
                    assert time.monotonic() < limit, f"nothing was heard in life {life}\n{service.output()[-2000:]}"
                    if raws and all(watch.process.poll() is not None for watch in watches):
                        break  # on a slow machine they may be ready before the last kill
                    raws = raws or raw_streams(address, watches[0].events)
                    time.sleep(0.05)
                if life < KILLS:
                    service.process.send_signal(signal.SIGKILL)
                    service.process.wait()
                raws = [raw.close() for raw in raws]
                if life < KILLS:
                    continue
                for watch in watches:
                    code, said = watch.ended()
                    assert code == 0, f"{said}\n{watch.events[-3:]}"
                    assert "connection lost" in said, said
                compare(*raws)
    finally:
        for process in [watch.process for watch in watches] + [raw.stream.process for raw in raws]:
            process.kill()
    for watch in watches:
        seen = sequences(watch.events)
        assert seen == list(range(1, len(seen) + 1)), seen
        ends = [event for event in watch.events if event.get("terminal")]
        assert len(ends) == 3, ends
        assert ends[-1]["launchState"] == "LAUNCH_STATE_READY", ends
    print(f"   {sum(len(sequences(watch.events)) for watch in watches)} events over {KILLS} kills")
    print(f"   {[len(raw.events) for raw in raws]} of raw streams, broken off {[raw.breaks for raw in raws]} times")


def main():
    with gantry("sandbox", "--listen", "127.0.0.1:0", "--images", "400") as sandbox, tempfile.TemporaryDirectory() as data:
        killed(sandbox.match[1], f"{data}/gantry")
        print(f"ok - killed: {killed.__doc__}")


if __name__ == "__main__":
    main()
