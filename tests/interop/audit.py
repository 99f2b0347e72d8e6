"""The audit log, checked by tools that nobody here wrote.

A server launches in the sandbox; its log is exported, and tlog-scales, pymerkle and DuckDB judge
what came out. Then the log is damaged, and `gantry audit verify` has to see it.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from processes import gantry

HERE = pathlib.Path(__file__).parent
LAUNCHES = 40


def run(*words, check=True):
    """The finished command; its output is kept as text."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300)
    if check and done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def audit(*words, check=True):
    return run(os.environ["GANTRY_BINARY"], "audit", *words, check=check)


def python(script, *words):
    print("  " + run(sys.executable, HERE / script, *words).stdout.strip().splitlines()[-1])


def launch(server, number):
    image = "ami-05a4db0c500000001"
    words = ["launch", "--image", image, "--types", "m7i.large", "--reason", f"audit {number}", "--request-id", f"audit-{number}"]
    run(os.environ["GANTRY_BINARY"], *words, "--server", server, "--region", "sandbox-1", "--output", "json")


def damaged(data_dir, scratch, name, damage, *words):
    """A copy of the directory, damaged, must not verify."""
    copy = scratch / name
    shutil.copytree(data_dir, copy, ignore=shutil.ignore_patterns("sandbox", "sled*"))
    damage(copy)
    done = audit("verify", "--data-dir", copy, *words, check=False)
    assert done.returncode == 1, f"{name} was not seen: {done.stdout}{done.stderr}"
    notes = ("note", "error", "warning")
    said = next(line for line in done.stderr.splitlines() if ": " in line and not line.startswith(notes))
    print(f"  {name}: {said}")
    shutil.rmtree(copy)


def flip(path, place):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


def main():
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        data_dir = scratch / "data"
        serve = ["serve", "--sandbox", "--speed", "100000", "--listen", "127.0.0.1:0", "--data-dir", data_dir]
        with gantry(*serve) as server:
            address = f"http://{server.match[1]}"
            for number in range(LAUNCHES // 2):
                launch(address, number)
            head = run("grpcurl", "-plaintext", server.match[1], "gantry.v1.AuditService/GetCheckpoint")
            kept = scratch / "kept.checkpoint"
            kept.write_bytes(base64.b64decode(json.loads(head.stdout)["checkpoint"]))
            vkey = audit("key", "--server", address).stdout.strip()
            old = scratch / "old"
            shutil.copytree(data_dir, old, ignore=shutil.ignore_patterns("sandbox", "sled*"))
            for number in range(LAUNCHES // 2, LAUNCHES):
                launch(address, number)
            # Live, from the directory under the running server, and with what was kept elsewhere.
            for where in (["--server", address], ["--data-dir", data_dir]):
                done = audit("verify", *where, "--checkpoint", kept, "--key", vkey)
                assert "is sound" in done.stdout and "matches" in done.stdout, done.stdout
            # A proof that another program makes from the exported files is the one that the server gives.
            tiles = scratch / "tiles"
            audit("export", "--format", "tiles", "--data-dir", data_dir, "--out", tiles)
            ours = audit("proof", "3", "--server", address).stdout
            assert ours.startswith("c2sp.org/tlog-proof@v1\nindex 3\n"), ours
        python("tiles_check.py", tiles, vkey)
        audit("export", "--format", "tiles", "--data-dir", data_dir, "--out", tiles)
        python("tiles_check.py", tiles, vkey)
        theirs = run(pathlib.Path(sys.executable).parent / "tlog-tiles", "gen-proof", tiles, "3").stdout
        assert theirs.startswith("c2sp.org/tlog-proof@v1\nindex 3\n"), theirs
        assert audit("verify", "--export", tiles, "--key", vkey, "--checkpoint", kept).returncode == 0

        jsonl, parquet = scratch / "log.jsonl", scratch / "log.parquet"
        audit("export", "--format", "jsonl", "--data-dir", data_dir, "--out", jsonl)
        audit("export", "--format", "parquet", "--data-dir", data_dir, "--out", parquet)
        python("parquet_check.py", parquet, jsonl)
        verified = audit("verify", "--export", jsonl, "--key", vkey, "--checkpoint", tiles / "checkpoint")
        assert "is sound" in verified.stdout

        segment = next((data_dir / "journal").glob("*.seg")).name
        size = (data_dir / "journal" / segment).stat().st_size
        records = len(jsonl.read_bytes().splitlines())
        used = sum(len(line) + 24 for line in jsonl.read_bytes().splitlines()) + 128
        assert used <= size
        for place in range(130, used, max(1, used // 7)):
            damaged(data_dir, scratch, f"byte {place} of the journal flipped", lambda copy: flip(copy / "journal" / segment, place))
        damaged(data_dir, scratch, "journal cut", lambda copy: os.truncate(copy / "journal" / segment, used // 2))
        damaged(
            data_dir,
            scratch,
            "directory put back",
            lambda copy: (shutil.rmtree(copy), shutil.copytree(old, copy)),
            "--checkpoint",
            tiles / "checkpoint",
        )
        print(f"  {records} records, {LAUNCHES} launches")


if __name__ == "__main__":
    main()
