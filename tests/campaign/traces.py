"""What strace wrote, as calls in the order in which they began and ended."""

import re

# Everything that changes a file or its name, and everything that leaves by a socket.
FILE_CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,fallocate,ftruncate,"
    "truncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,lseek,copy_file_range"
)
SOCKET_CALLS = "sendto,sendmsg"
# -xx prints every byte as \xNN, so that a string is read back exactly; its paths too.
HEX = re.compile(rb"(?:\\x[0-9a-f]{2})+")
LINE = re.compile(rb"^(\d+) +(\d+\.\d+) (.*)$")
RESUMED = re.compile(rb"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
UNFINISHED = b"<unfinished ...>"
RESULT = re.compile(rb"^(.*)\)\s+= (-?\d+|\?)(.*)$", re.DOTALL)
STRING = re.compile(rb'"([^"]*)"')
FD = re.compile(rb"^(-?\d+|AT_FDCWD)(?:<((?:->|[^>])*)>)?")


class Call:
    """One system call."""

    __slots__ = ("thread", "name", "text", "begun", "began", "ended", "result", "tail", "_strings")

    def __init__(self, thread, name, text, begun, began):
        self.thread, self.name, self.text = thread, name, text
        # Seconds, and the place in the trace where it began and where it ended.
        self.begun, self.began, self.ended = begun, began, None
        self.result, self.tail, self._strings = None, b"", None

    def strings(self):
        """Its string arguments."""
        if self._strings is None:
            self._strings = [unescape(each) for each in STRING.findall(self.text)]
        return self._strings

    def path(self):
        """Of the file or socket that its first argument is."""
        match = FD.match(self.text)
        return unescape(match[2] or b"").decode(errors="replace") if match else ""

    def fd(self):
        return int(FD.match(self.text)[1])

    def numbers(self):
        """Its arguments behind the last string or the first argument, as far as they are numbers."""
        rest = self.text[self.text.rfind(b'"') + 1 :] if b'"' in self.text else self.text
        return [int(word) for word in re.findall(rb"(?:^|[ ,])(\d+)(?=[,\s]|$)", rest)]

    def mode(self):
        """The mode that it makes a file or directory with, which is its last argument."""
        match = re.search(rb", (0[0-7]*)$", self.text)
        return int(match[1], 8) if match else 0o777

    def opened(self):
        """The path that an openat gave, as -y prints it behind the result."""
        match = re.match(rb"^<([^>]*)>", self.tail)
        return match and unescape(match[1]).decode()

    def injected(self):
        """Whether strace struck here."""
        return b"INJECTED" in self.tail

    def data(self):
        """What it wrote or sent, as far as it did."""
        return b"".join(self.strings())[: max(0, self.result or 0)]


def unescape(text):
    """Runs of \\xNN as the bytes they stand for."""
    return HEX.sub(lambda match: bytes.fromhex(match[0].replace(b"\\x", b"").decode()), text)


def read(path):
    """All calls of a trace, by where they began."""
    calls, open_calls = [], {}
    with open(path, "rb") as lines:
        for place, line in enumerate(lines):
            match = LINE.match(line.rstrip(b"\n"))
            if not match:
                continue
            thread, at, text = int(match[1]), float(match[2]), match[3]
            if resumed := RESUMED.match(text):
                call = open_calls.pop(thread, None)
                if call is None:
                    continue
                call.text += resumed[2]
            elif text.startswith((b"+++", b"---", b"strace:")):
                continue
            else:
                name, _, arguments = text.partition(b"(")
                call = Call(thread, name.decode(), arguments, at, place)
                calls.append(call)
            if call.text.endswith(UNFINISHED):
                call.text = call.text[: -len(UNFINISHED)]
                open_calls[thread] = call
                continue
            if done := RESULT.match(call.text):
                call.text, call.ended = done[1], place
                call.result = None if done[2] == b"?" else int(done[2])
                call.tail = done[3].strip()
    return calls


def strace(path, calls, *more):
    """The command that traces what follows it."""
    return [
        "strace",
        "-f",
        "-yy",
        "-ttt",
        "-xx",
        "-s",
        10_000_000,
        "-o",
        path,
        "-e",
        f"trace={calls}",
        "-e",
        "signal=none",
        *more,
    ]
