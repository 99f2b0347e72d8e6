"""Boots that are watched by the command line while the server is killed and started again.

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
    """`gantry launch --watch`: what it prints, as it comes."""

    def __init__(self, server, number):
        words = ["launch", "--image", IMAGE, "--types", "m7i.large", "--count", "2", "--region", REGION, "--watch"]
        words += ["--request-id", f"kill-{number}", "--reason", "interop", "--server", server, "--output", "json"]
        self.process = subprocess.Popen(
            [os.environ["GANTRY_BINARY"], *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.events = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def ended(self):
        code = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        return code, self.process.stderr.read()


def sequences(events):
    return [int(event["sequence"]) for event in events if "sequence" in event]


def killed(sandbox, data_dir):
    """Watchers of a server that is killed three times see every event once, in order, to the end."""
    port = free_port()
    server = f"http://127.0.0.1:{port}"
    env = {
        "AWS_ENDPOINT_URL": f"http://{sandbox}",
        "AWS_ACCESS_KEY_ID": "interop",
        "AWS_SECRET_ACCESS_KEY": "interop",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    words = ["serve", "--listen", f"127.0.0.1:{port}", "--data-dir", data_dir]
    watches = []
    for life in range(KILLS + 1):
        with gantry(*words, env=env) as service:
            if not watches:
                watches = [Watched(server, number) for number in range(LAUNCHES)]
            seen = [len(watch.events) for watch in watches]
            limit = time.monotonic() + SECONDS
            # Somebody has heard something new, so that it dies in the middle of something.
            while [len(watch.events) for watch in watches] == seen:
                assert time.monotonic() < limit, f"nothing was heard in life {life}\n{service.output()[-2000:]}"
                time.sleep(0.05)
            if life < KILLS:
                service.process.send_signal(signal.SIGKILL)
                service.process.wait()
                continue
            for watch in watches:
                code, said = watch.ended()
                assert code == 0, f"{said}\n{watch.events[-3:]}"
                assert "connection lost" in said, said
    for watch in watches:
        told = sequences(watch.events)
        assert told == list(range(1, len(told) + 1)), told
        ends = [event for event in watch.events if event.get("terminal")]
        assert len(ends) == 3, ends
        assert ends[-1]["launchState"] == "LAUNCH_STATE_READY", ends
    print(f"   {sum(len(sequences(watch.events)) for watch in watches)} events over {KILLS} kills")


def main():
    with gantry("sandbox", "--listen", "127.0.0.1:0", "--images", "400") as sandbox, tempfile.TemporaryDirectory() as data:
        killed(sandbox.match[1], f"{data}/gantry")
        print(f"ok - killed: {killed.__doc__}")


if __name__ == "__main__":
    main()
