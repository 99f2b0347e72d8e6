"""The service, and the gantry command line as its client."""

import contextlib
import json
import os
import subprocess
import tempfile

from processes import gantry

COMMAND_SECONDS = 120


class Cli:
    """The gantry command line against one server."""

    def __init__(self, address):
        self.server = f"http://{address}"

    def run(self, *words):
        command = [os.environ["GANTRY_BINARY"], *words, "--server", self.server, "--output", "json"]
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)

    def done(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words):
        return json.loads(self.done(*words))

    def lines(self, *words):
        return [json.loads(line) for line in self.done(*words).splitlines()]


@contextlib.contextmanager
def served(*words, env=None):
    """A server on an empty data directory, in front of whatever EC2 the environment names. Its command line."""
    with (
        tempfile.TemporaryDirectory() as data_dir,
        gantry("serve", "--listen", "127.0.0.1:0", "--data-dir", f"{data_dir}/gantry", *words, env=env) as service,
    ):
        try:
            yield Cli(service.match[1])
        except BaseException:
            print("--- what the service said\n" + service.output()[-4000:])
            raise
