"""One system call to strike at: which, by its name and the form of its path, and with what."""

import re

import traces

# Names of segments are the indexes of their first records; those of a burst are below this.
INDEXES = 400
NO_SPACE = {
    "openat",
    "write",
    "pwrite64",
    "pwritev",
    "writev",
    "fallocate",
    "mkdir",
    "mkdirat",
    "rename",
    "fsync",
    "fdatasync",
}
# What can be out of space, and what else changes files.
CHANGES = NO_SPACE | {"ftruncate", "sync_file_range", "unlink", "unlinkat", "rmdir", "renameat", "renameat2", "link"}
SITUATIONS = {
    "fresh": "start on a fresh directory",
    "existing": "start on an existing directory",
    "burst": "burst of launches",
    "roll": "burst that begins segments",
}


class Fault:
    """One call to strike at: its name, the form of its path, its number, and with what."""

    def __init__(self, situation, name, form, number, kind):
        self.situation, self.name, self.form, self.number, self.kind = situation, name, form, number, kind

    def __str__(self):
        return f"{self.situation}: {self.kind} at {self.name} {self.number} of {self.form or '.'}"

    def label(self):
        return f"{self.kind} at each call, {SITUATIONS[self.situation]}"

    def strace(self, data_dir, trace):
        more = ["-e", self.injection()]
        for path in self.paths(data_dir):
            more += ["-P", path]
        return traces.strace(trace, self.name, *more)

    def injection(self):
        struck = "signal=KILL" if self.kind == "KILL" else f"error={self.kind}"
        return f"inject={self.name}:{struck}:when={self.number}"

    def command(self):
        """For a person who wants to see it again; with <n>, one -P for each index."""
        return (
            f"strace -f -e trace={self.name} -e {self.injection()} -P DIR/{self.form} gantry serve --data-dir DIR ..."
        )

    def paths(self, data_dir):
        here = f"{data_dir}/{self.form}".rstrip("/")
        if "<n>" not in here:
            return [here]
        return [here.replace("<n>", f"{index:020}") for index in range(INDEXES)]

    def breaks_sync(self):
        """Whether records may be lost by it. A segment that has not got its name holds none, and is thrown away."""
        return self.name in ("fsync", "fdatasync") and self.kind != "KILL" and self.form == "journal/<n>.seg"


def form(path, data_dir):
    """A path within the directory, without what differs from run to run; None for what cannot be foreseen."""
    if path != data_dir and not path.startswith(data_dir + "/"):
        return None
    inside = re.sub(r"\b\d{20}\b", "<n>", path[len(data_dir) + 1 :])
    return None if re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|snap\.[0-9a-f]", inside) else inside


def struck_at(call):
    """The path that a call changes, or None."""
    if call.name == "openat":
        return call.strings()[0].decode(errors="replace") if b"O_CREAT" in call.text and call.strings() else None
    if call.name.startswith(("rename", "unlink", "mkdir", "rmdir", "link")):
        return call.strings()[0].decode(errors="replace")
    return call.path()
