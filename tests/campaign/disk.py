"""What a disk may hold after a power cut: a model, built from the system calls of a process.

It is more careless than ext4 with data=ordered and than XFS, and about what POSIX permits:

- fsync and fdatasync of a file make what was written to it before durable, with its size. Its name is not.
- fsync of a directory makes the names in it durable. Nothing else does, the fsync of a file in it neither.
- Of what was written and not synced, each piece within 4 KiB is there or not, independently of all others. The size
  of the file is any that it has had since. Where neither was kept there are zeros.
- Names that were made, changed or removed and not synced are so up to some point in the order in which that was done,
  in each directory for itself. A rename is one step: the old file is there or the new one.
- sync_file_range promises nothing. O_DIRECT and mmap are not in the model, and not in Gantry.

A call counts when it has returned. One that the cut found under way may have done all, some or nothing of its work.
"""

import os
import pathlib

BLOCK = 4096
UMASK = 0o022
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}


class File:
    """Bytes, and what was done to them since they were last synced."""

    def __init__(self, mode):
        self.mode = mode & ~UMASK
        self.durable = b""
        self.size = 0
        self.pending = []  # (place in the trace, offset, bytes) or (place, new size, None)

    def write(self, place, offset, data):
        self.pending.append((place, offset, data))
        self.size = max(self.size, offset + len(data))

    def resize(self, place, size):
        self.pending.append((place, size, None))
        self.size = size

    def sync(self, began):
        """Makes durable what had been done before the sync began."""
        done = [step for step in self.pending if step[0] < began]
        self.pending = [step for step in self.pending if began <= step[0]]
        self.durable = played(self.durable, done, lambda: True, len(done))

    def after_cut(self, draw):
        """Its bytes as a cut may leave them."""
        if not self.pending:
            return self.durable
        fate = draw.random()
        if fate < 0.2:
            return self.durable
        if fate < 0.4:
            return played(self.durable, self.pending, lambda: True, len(self.pending))
        sizes = draw.randrange(len(self.pending) + 1)
        odds = draw.choice([0.1, 0.5, 0.9])
        return played(self.durable, self.pending, lambda: draw.random() < odds, sizes)


def played(content, steps, kept, sizes):
    """The content after the steps, of whose pieces some are kept, and of whose sizes the first `sizes`."""
    content = bytearray(content)
    size = len(content)
    for number, (_, where, data) in enumerate(steps):
        counted = number < sizes
        if data is None:
            if counted:
                size = where
                del content[size:]
            continue
        if counted:
            size = max(size, where + len(data))
        at = 0
        while at < len(data):
            piece = data[at : at + BLOCK - (where + at) % BLOCK]
            if kept():
                start = where + at
                if len(content) < start + len(piece):
                    content.extend(bytes(start + len(piece) - len(content)))
                content[start : start + len(piece)] = piece
            at += len(piece)
    content.extend(bytes(max(0, size - len(content))))
    return bytes(content[:size])


class Directory:
    """Names, and what was done to them since they were last synced."""

    def __init__(self, mode=0o777):
        self.mode = mode & ~UMASK
        self.durable, self.names, self.pending = {}, {}, []

    def change(self, place, changed):
        """One step: names that stand for something else from now on, or for nothing."""
        self.pending.append((place, changed))
        apply(self.names, changed)

    def sync(self, began):
        for place, changed in self.pending:
            if place < began:
                apply(self.durable, changed)
        self.pending = [step for step in self.pending if began <= step[0]]

    def after_cut(self, draw):
        names = dict(self.durable)
        kept = draw.choice([0, len(self.pending), draw.randrange(len(self.pending) + 1)])
        for _, changed in self.pending[:kept]:
            apply(names, changed)
        return names


def apply(names, changed):
    for name, item in changed.items():
        if item is None:
            names.pop(name, None)
        else:
            names[name] = item


class Disk:
    """The directory `root` and all in it, of which nothing was there before the first call."""

    def __init__(self, root):
        self.root, self.top = root, Directory()
        self.offsets = {}

    def play(self, calls, cut):
        """All calls that had begun at this place of the trace."""
        done = [call for call in calls if call.began <= cut]
        for call in sorted(done, key=lambda call: call.ended if call.ended is not None else 1 << 60):
            returned = call.ended is not None and call.ended <= cut
            if call.result is not None and call.result < 0:
                continue
            self.call(call, call.ended if returned else cut, returned)

    def call(self, call, place, returned):
        name = call.name
        if name in ("fsync", "fdatasync"):
            item = self.find(call.path())
            if item is not None and returned:
                item.sync(call.began)
        elif name == "openat":
            self.open(call, place)
        elif name in WRITES:
            self.write(call, place)
        elif name in ("fallocate", "ftruncate"):
            file = self.find(call.path())
            if file is not None:
                numbers = call.numbers()
                size = numbers[-1] if name == "ftruncate" else max(file.size, numbers[-1] + numbers[-2])
                if size != file.size:
                    file.resize(place, size)
        elif name == "lseek":
            self.offsets[call.fd()] = call.result
        elif name.startswith("mkdir"):
            self.enter(call.strings()[0].decode(), Directory(call.mode()), place)
        elif name.startswith(("unlink", "rmdir")):
            self.enter(call.strings()[0].decode(), None, place)
        elif name.startswith("rename"):
            self.rename(*(each.decode() for each in call.strings()[:2]), place)
        elif name in ("link", "linkat", "copy_file_range", "truncate") and self.ours(
            call.path() or call.strings()[0].decode()
        ):
            raise AssertionError(f"{name} is not in the model")

    def open(self, call, place):
        path = call.strings()[0].decode()
        if not self.ours(path):
            self.offsets[call.result] = 0
            return
        if b"O_CREAT" in call.text and self.find(path) is None:
            self.enter(path, File(call.mode()), place)
        file = self.find(path)
        if b"O_TRUNC" in call.text and isinstance(file, File) and file.size:
            file.resize(place, 0)
        if call.result is not None:
            self.offsets[call.result] = file.size if b"O_APPEND" in call.text else 0

    def write(self, call, place):
        if not self.ours(call.path()):
            return
        file = self.find(call.path())
        if file is None:
            return
        data = b"".join(call.strings())
        data = data if call.result is None else data[: call.result]
        if call.name.startswith("p"):
            offset = call.numbers()[-1]
        else:
            offset = self.offsets.get(call.fd(), 0)
            self.offsets[call.fd()] = offset + len(data)
        file.write(place, offset, data)

    def rename(self, old, new, place):
        if not self.ours(old):
            return
        item = self.find(old)
        parent, name = os.path.split(old)
        assert parent == os.path.dirname(new), f"a rename from {old} to {new} is not in the model"
        if item is not None:
            self.find(parent).change(place, {name: None, os.path.basename(new): item})

    def enter(self, path, item, place):
        """Gives a path to something, or takes it away."""
        if not self.ours(path):
            return
        parent, name = os.path.split(path)
        directory = self.find(parent)
        if directory is not None:
            directory.change(place, {name: item})

    def ours(self, path):
        return path.startswith(self.root + "/")

    def find(self, path):
        """What is at a path now, to the process."""
        if path == self.root:
            return self.top
        if not self.ours(path):
            return None
        item = self.top
        for name in path[len(self.root) + 1 :].split("/"):
            item = item.names.get(name) if isinstance(item, Directory) else None
        return item

    def rebuild(self, target, draw, certain=()):
        """Writes what a cut may leave. Names at the top that are in `certain` are there in any case."""
        apply(self.top.durable, {name: self.top.names[name] for name in certain if name in self.top.names})
        lay_out(self.top, pathlib.Path(target), draw)


def lay_out(directory, target, draw):
    target.mkdir(directory.mode)
    for name, item in sorted(directory.after_cut(draw).items()):
        if isinstance(item, Directory):
            lay_out(item, target / name, draw)
            continue
        content = item.after_cut(draw)
        with open(target / name, "wb") as file:
            # Zeros at the end are a hole, which reads the same.
            file.write(content.rstrip(b"\x00"))
            file.truncate(len(content))
            os.fchmod(file.fileno(), item.mode)
