"""Processes that are waited for by what they print, and never outlive the test."""

import os
import queue
import re
import signal
import subprocess
import threading
import time

# A debug binary on a busy machine starts in a few seconds, moto in ten.
START_SECONDS = 120
STOP_SECONDS = 30


class Process:
    """Runs `command` until the `with` block ends. `ready` is a pattern that one of its lines must match."""

    def __init__(self, command, ready, env=None):
        self.command = [str(word) for word in command]
        self.ready = re.compile(ready)
        self.env = {**os.environ, **(env or {})}
        self.lines = []

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.printed = queue.Queue()
        # The reader goes on to the end of the output, so that the process never blocks on a full pipe.
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.match = self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command[0]} did not stop within {STOP_SECONDS} s of SIGTERM") from None
        finally:
            self.process.stdout.close()

    def output(self):
        """What it has printed so far, for the message of a failure."""
        return "".join(self.lines)

    def _read(self):
        try:
            for line in self.process.stdout:
                self.lines.append(line)
                self.printed.put(line)
        except ValueError:
            pass  # closed under the reader at the end
        self.printed.put(None)

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                line = self.printed.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.command} is not ready:\n{self.output()}") from None
            if line is None:
                raise AssertionError(f"{self.command} ended:\n{self.output()}")
            if match := self.ready.search(line):
                return match


def gantry(*words, env=None):
    """A gantry server; its address is `match[1]`."""
    return Process([os.environ["GANTRY_BINARY"], *words], r"^listening on (\S+)$", env)
