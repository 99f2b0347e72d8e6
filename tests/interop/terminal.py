"""What a person sees of boots: bars on a terminal, and the timeline as a picture.

The terminal is a pty of a given size. What is written to it must be what a terminal of that size can show: text,
colours and the few moves that bars take.
"""

import collections
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import xml.etree.ElementTree

from landmarks import LINUX, NEVER_READY
from service import served

REGION = "sandbox-1"
# A boot of the sandbox takes about 50 s at speed 1. It must last until whoever watches it has drawn a few frames.
SPEED = 5
SECONDS = 180
INTERRUPT = b"\x03"
HIDES_CURSOR = "\x1b[?25l"
SVG = "{http://www.w3.org/2000/svg}"
MARK = "<!-- a timeline by gantry -->\n"


class Terminal:
    """A command in the foreground of a terminal, as a shell starts it, and what it has written there."""

    def __init__(self, cli, *words, columns=120, rows=40):
        self.columns = columns
        self.here, self.there = pty.openpty()
        fcntl.ioctl(self.there, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.settings = termios.tcgetattr(self.there)
        self.bytes = b""
        self.process = subprocess.Popen(
            [os.environ["GANTRY_BINARY"], *words, "--server", cli.server],
            stdin=self.there,
            stdout=self.there,
            stderr=self.there,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=self._in_foreground,
        )

    @staticmethod
    def _in_foreground():
        # The session's terminal, whose keys send signals; what a shell starts in the background ignores this one.
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.here)
        os.close(self.there)

    @property
    def text(self):
        return self.bytes.decode(errors="replace")

    def until(self, found):
        """Reads until what is written matches, and returns the match."""
        limit = time.monotonic() + SECONDS
        while not (match := re.search(found, self.text)):
            assert self._read(), f"it ended without {found}:\n{self.text[-2000:]}"
            assert time.monotonic() < limit, f"{found} does not come:\n{self.text[-2000:]}"
        return match

    def ended(self):
        """The exit code, once all is read. The terminal is then as it was before."""
        limit = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < limit, f"it does not end:\n{self.text[-2000:]}"
        assert termios.tcgetattr(self.there) == self.settings, "the terminal's settings are changed"
        assert HIDES_CURSOR not in self.text.rpartition("\x1b[?25h")[2], "the cursor is hidden"
        return self.process.returncode

    def press(self, key):
        os.write(self.here, key)

    def _read(self):
        """Whether there may be more to read."""
        has_ended = self.process.poll() is not None
        readable, _, _ = select.select([self.here], [], [], 0 if has_ended else 0.1)
        if readable:
            self.bytes += os.read(self.here, 65536)
        return bool(readable) or not has_ended

    def shown(self):
        """The lines that stand there after all that was written, and where the cursor is: row and column."""
        lines = collections.defaultdict(lambda: [" "] * self.columns)
        row = column = 0
        for token in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|.", self.text, re.DOTALL):
            if move := re.fullmatch(r"\x1b\[(\d+)([AB])", token):
                row += int(move[1]) * (-1 if move[2] == "A" else 1)
                assert row >= 0, "the cursor is above the first line"
            elif token == "\x1b[2K":
                lines[row] = [" "] * self.columns
            elif token == "\r":
                column = 0
            elif token == "\n":
                row += 1
            elif not re.fullmatch(r"\x1b\[([\d;]*m|\?25[lh])", token):
                assert token >= " ", f"{token!r} is written to a terminal"
                # A line that is full goes on in the next one once there is more.
                if column == self.columns:
                    row, column = row + 1, 0
                lines[row][column] = token
                column += 1
        return ["".join(lines[number]).rstrip() for number in range(max(lines) + 1)], (row, column)


def bar(width, phases, times):
    return rf"(i-[0-9a-f]{{17}}) \[([=> ]{{{width}}})\] (?:\x1b\[\d+m)?({phases}) *(?:\x1b\[0m)? *{times}"


def drawn(terminal, width, count):
    """The bars of boots that have ended well: redrawn while time went by, and standing there in the end over a summary."""
    booting = re.findall(bar(width, "REQUESTED|PENDING|RUNNING|CHECKING", r"(\S+) / \S+"), terminal.text)
    ids = {instance_id for instance_id, *_ in booting}
    assert len(ids) == count, f"{ids}:\n{terminal.text}"
    for instance_id in ids:
        times = [elapsed for each, _, _, elapsed in booting if each == instance_id]
        assert len(set(times)) > 2, f"{instance_id} is drawn at {times} only"
    # Each frame takes the place of the one before.
    assert terminal.text.count("\x1b[2K") >= 2 * count, terminal.text
    lines, cursor = terminal.shown()
    summary = f"{count} instance" + ("s: 2 ready (p50 " if count == 2 else ": 1 ready (")
    assert lines[-1].startswith(summary) and lines[-1].endswith("s)"), lines
    assert terminal.text.endswith("\r\n") and cursor == (len(lines), 0), f"{cursor}: {lines}"
    last = [re.fullmatch(bar(width, "READY", r"\S.* system,instance,ebs=ok"), line) for line in lines[-1 - count : -1]]
    assert all(last) and {match[1] for match in last} == ids, lines
    assert all(match[2] == "=" * width for match in last), lines
    # Nothing of an earlier frame is left.
    assert sum("[" in line for line in lines) == count, lines
    return lines, ids


LAUNCH = ["launch", "--types", "m7i.large", "--region", REGION, "--reason", "interop", "--image"]


def bars(cli):
    """`launch --watch` and `watch` draw boots as bars in place, as wide as the terminal is, and end with a summary."""
    with Terminal(cli, *LAUNCH, LINUX, "--count", "2", "--watch") as terminal:
        launch_id = terminal.until(r"launch ([0-9a-f-]{36})\b")[1]
        assert terminal.ended() == 0, terminal.text
        lines, _ = drawn(terminal, 20, 2)
        for state in ["LAUNCHING", "BOOTING", "READY"]:
            assert sum(line.endswith(f"launch {launch_id} {state}") for line in lines) == 1, lines
    [instance] = cli.json(*LAUNCH, LINUX)["instances"]
    with Terminal(cli, "watch", instance["instanceId"], "--region", REGION, columns=90, rows=24) as terminal:
        assert terminal.ended() == 0, terminal.text
        _, ids = drawn(terminal, 10, 1)
        assert ids == {instance["instanceId"]}, ids
    return launch_id


def interrupted(cli):
    """Ctrl-C ends a watch at once and leaves the terminal as it was; the launch goes on."""
    with Terminal(cli, *LAUNCH, NEVER_READY, "--watch") as terminal:
        launch_id = terminal.until(r"launch ([0-9a-f-]{36})\b")[1]
        instance_id = terminal.until(bar(20, "CHECKING", r"\S+ / \S+"))[1]
        terminal.press(INTERRUPT)
        # 130 is what a shell makes of the signal.
        assert terminal.ended() in (-signal.SIGINT, 130), terminal.process.returncode
    # Its boot is still followed: whoever watches now is told of what comes later.
    with Terminal(cli, "watch", instance_id, "--region", REGION) as terminal:
        terminal.until(bar(20, "IMPAIRED", r"\S.* instance=impaired"))
        terminal.press(INTERRUPT)
        assert terminal.ended() in (-signal.SIGINT, 130), terminal.process.returncode
    shown = cli.json("launches", "show", launch_id)
    assert shown["state"] == "LAUNCH_STATE_BOOTING", shown


def picture(cli, launch_id):
    """`launches show --svg` writes a picture that needs nothing else, and only over one of its own."""

    def draw(path):
        words = ["launches", "show", launch_id, "--timeline", "--svg", path, "--server", cli.server]
        return subprocess.run([os.environ["GANTRY_BINARY"], *words], capture_output=True, text=True, timeout=SECONDS)

    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        new, link, other = directory / "boot.svg", directory / "link.svg", directory / "other.svg"
        done = draw(new)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"wrote {new}\n", ""), done
        text = new.read_text()
        assert text.startswith(MARK), text[:100]
        root = xml.etree.ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg", root.tag
        words = [(element.text or "").strip() for element in root.iter(f"{SVG}text")]
        titles = "\n".join((element.text or "").strip() for element in root.iter(f"{SVG}title"))
        of_instances = [event for event in cli.lines("watch", launch_id) if "instanceId" in event]
        assert of_instances and launch_id in titles, titles
        for event in of_instances:
            instance_id, phase = event["instanceId"], event["phase"].removeprefix("BOOT_PHASE_")
            assert instance_id in words, words
            if phase == "READY":
                assert f"{instance_id} READY" in titles and any(word.startswith("READY") for word in words), words
            else:
                assert f"{instance_id} {phase.lower()}: " in titles and phase.lower() in words, titles
        # What could lead to something outside of it. The name of SVG itself is no reference.
        rest = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        for outward in ["://", "href", "src=", "url(", "@import", "<script", "<image", "<foreignObject", "<!", "<?"]:
            assert outward not in rest.removeprefix(MARK), outward

        new.write_text(f"{MARK}an older one")
        link.symlink_to(new)
        done = draw(link)
        assert done.returncode == 0 and link.is_symlink() and new.read_text() == text, done
        other.write_text("<svg>drawn by hand</svg>")
        done = draw(other)
        assert done.returncode == 1 and "is no picture of a timeline" in done.stderr, done
        assert other.read_text() == "<svg>drawn by hand</svg>", other.read_text()
        for nowhere in [directory, directory / "none" / "boot.svg"]:
            done = draw(nowhere)
            assert done.returncode == 1, done
        left = {path.name for path in directory.iterdir()}
        assert left == {"boot.svg", "link.svg", "other.svg"}, left


def main():
    with served("--sandbox", "--images", "400", "--speed", str(SPEED)) as cli:
        launch_id = bars(cli)
        print(f"ok - bars: {bars.__doc__}")
        interrupted(cli)
        print(f"ok - interrupted: {interrupted.__doc__}")
        picture(cli, launch_id)
        print(f"ok - picture: {picture.__doc__}")


if __name__ == "__main__":
    main()
