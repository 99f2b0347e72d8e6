"""Walks the README's tour: every ```console block, command by command, in one shell.

A command is a line that begins with `$ `, with the lines that a trailing backslash or an open single
quote joins to it. It must exit with 0. The lines under it are what it prints: each of them must come, in this order; a
line `...` stands for any lines. Ids, times, durations and sizes differ from run to run, and are
compared by their form.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

from processes import gantry

ADDRESS = "127.0.0.1:50051"
COMMAND_SECONDS = 180
FORMS = [
    # The index of a record depends on how often the server looked at booting instances.
    (r"^\d+ +(?=\d{4}-\d\d-)", "<index> "),
    (r"\bgantry-[0-9a-f]{32}\b", "<client token>"),
    (r'"logId": "[0-9a-f]+"', '"logId": "<log>"'),
    (r"gantry/audit/[0-9a-f]{16}(\+[0-9a-f]{8})?", "<log>"),
    (r"\b\d+ in (\d+) launches, \d+ bytes", r"<records> in \1 launches"),
    (r"^ +checkpoint +\d+,", "checkpoint <size>,"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\bi-[0-9a-f]{8,17}\b", "<instance>"),
    (r"\br-[0-9a-f]{8,17}\b", "<reservation>"),
    (r"\b(subnet|snap|eni|vol)-[0-9a-f]{8,17}\b", r"<\1>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r'"\d+(\.\d+)?s"', '"<duration>"'),
    (r"\b\d+(\.\d+)?m?s\b", "<duration>"),
    # The axis of a timeline, and its cells, are as long as the boot was.
    (r"<duration>( +<duration>)+", "<axis>"),
    (r"[├┼─·░▒▓●×→]+", "<cells>"),
    (r'"progress": [0-9.]+', '"progress": <number>'),
    (r"\bip-\d+-\d+-\d+-\d+\b", "<host>"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "<ip>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<time>"),
    (r"(just now|\d+ (s|min|h|days?) ago)", "<age>"),
    # grpcurl pads differently from version to version, and a trailing comma depends on what follows.
    (r"\s+", " "),
    (r",$", ""),
]


def blocks(readme):
    """The text of each console block, and the line it begins in."""
    for match in re.finditer(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL):
        yield readme.count("\n", 0, match.start()) + 2, match[1]


def steps(line_number, block):
    """Each command with the lines expected under it."""
    command, expected, start = None, [], line_number
    for offset, line in enumerate(block.splitlines()):
        if command is not None and (command.endswith("\\") or command.count("'") % 2):
            command += "\n" + line
        elif line.startswith("$ "):
            if command is not None:
                yield start, command, expected
            command, expected, start = line[2:], [], line_number + offset
        else:
            assert command is not None, f"line {line_number + offset}: output before any command"
            expected.append(line)
    if command is not None:
        yield start, command, expected


def form(line):
    for pattern, replacement in FORMS:
        line = re.sub(pattern, replacement, line)
    return line.strip()


def first_missing(expected, printed):
    """The first expected line that does not come in its place, or None."""
    rest = iter([form(line) for line in printed])
    for line in expected:
        if line.strip() != "..." and not any(candidate == form(line) for candidate in rest):
            return line
    return None


class Shell:
    """One bash for all commands, so that variables live on."""

    MARK = "interop-end-of-command"

    def __init__(self, directory, path):
        self.process = subprocess.Popen(
            ["bash", "--norc", "-s"],
            cwd=directory,
            env={**os.environ, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command):
        """The exit code and the lines that the command printed."""
        watchdog = threading.Timer(COMMAND_SECONDS, self.kill)
        watchdog.start()
        try:
            return self._run(command)
        finally:
            watchdog.cancel()

    def kill(self):
        """Ends the shell and what it runs."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def _run(self, command):
        self.process.stdin.write(f"{command}\ninterop_code=$?; echo; echo {self.MARK} $interop_code\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(self.MARK):
                return int(line.split()[1]), lines[:-1] if lines and not lines[-1].strip() else lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the shell ended, or {COMMAND_SECONDS} s were over, in:\n{command}\n" + "\n".join(lines))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


# Waits until health says that the catalogue is fresh, for at most a minute.
UNTIL_READ = """timeout 60 bash -c 'until grpcurl -plaintext -d "{\\"service\\": \\"gantry.catalogue/sandbox-1\\"}" \\
    ADDRESS grpc.health.v1.Health/Check 2> /dev/null | grep -q \\"SERVING\\"; do :; done'"""


def main(readme_path):
    readme = pathlib.Path(readme_path).read_text()
    tour = [step for line_number, block in blocks(readme) for step in steps(line_number, block)]
    assert tour, f"{readme_path} has no console blocks"
    binary = pathlib.Path(os.environ["GANTRY_BINARY"])
    with tempfile.TemporaryDirectory() as scratch:
        server = ["serve", "--sandbox", "--listen", "127.0.0.1:0", "--speed", "20", "--data-dir", f"{scratch}/data"]
        with gantry(*server) as service:
            address = service.match[1]
            shell = Shell(scratch, f"{binary.parent}:{os.environ['PATH']}")
            # `gantry` without an address asks the default one.
            shell.run(f"export GANTRY_SERVER=http://{address}")
            try:
                # Whoever types has read the catalogue's first seconds away.
                code, printed = shell.run(UNTIL_READ.replace("ADDRESS", address))
                assert code == 0, "the catalogue is not read: " + "\n".join(printed)
                for line_number, command, expected in tour:
                    code, printed = shell.run(command.replace(ADDRESS, address))
                    said = "\n".join(printed)
                    assert code == 0, f"README line {line_number}: exit code {code} of\n{command}\n{said}"
                    missing = first_missing(expected, printed)
                    assert missing is None, f"README line {line_number}: {missing!r} is not printed by\n{command}\n{said}"
                    print(f"ok - line {line_number}: {command.splitlines()[0]}")
            except BaseException:
                print("--- what the service said\n" + service.output()[-4000:])
                raise
            finally:
                shell.close()


if __name__ == "__main__":
    main(sys.argv[1])
