"""Compares an exported Parquet file with the export of the same records as JSON Lines.

    python3 parquet_check.py PATH EXPECTED_JSONL

DuckDB reads the file; what its columns should say is worked out here from the leaves. The first
line may be any record of the log, the rest must follow it.

It exits with 1 and says where at the first difference.
"""

import argparse
import hashlib
import itertools
import json
import sys
from datetime import datetime

import duckdb

COLUMNS = {
    "index": "UBIGINT",
    "leaf_hash": "BLOB",
    "time": "TIMESTAMP WITH TIME ZONE",
    "kind": "VARCHAR",
    "launch_id": "VARCHAR",
    "principal": "VARCHAR",
    "account_id": "VARCHAR",
    "region": "VARCHAR",
    "image_id": "VARCHAR",
    "verdict": "VARCHAR",
    "instance_ids": "VARCHAR[]",
    "leaf": "VARCHAR",
}


class Difference(Exception):
    """What was found to be wrong."""


def same(what, found, expected):
    if found != expected:
        raise Difference(f"{what}: found {found!r}, expected {expected!r}")


def micros(text):
    """An RFC 3339 time of any number of decimals, in microseconds."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1_000_000 + int(decimals[:6].ljust(6, "0"))


def image_of(entry):
    """The image of a decision: the one that was named, or that its receipt names."""
    if entry["kind"] != "decision":
        return None
    choice = entry["spec"]["image"]
    named = choice.get("image_id") or choice.get("receipt", {}).get("image_id")
    return named or entry.get("image_receipt", {}).get("image_id")


def instances_of(entry):
    match entry["kind"]:
        case "attempt_succeeded":
            return [place["instance_id"] for place in entry["instances"]]
        case "instance_phase":
            return [entry["instance_id"]]
        case "termination":
            return entry["instance_ids"]
    return []


def expected(index, leaf):
    entry = json.loads(leaf)
    same_name = ("kind", "launch_id", "principal", "account_id", "region")
    return {
        "index": index,
        "leaf_hash": hashlib.sha256(b"\x00" + leaf.encode()).digest(),
        "time": micros(entry["time"]),
        **{name: entry.get(name) for name in same_name},
        "image_id": image_of(entry),
        "verdict": entry.get("verdict"),
        "instance_ids": instances_of(entry),
        "leaf": leaf,
    }


def rows(connection, path):
    names = ", ".join("epoch_us(time) AS time" if name == "time" else f'"{name}"' for name in COLUMNS)
    found = connection.execute(f"SELECT {names} FROM read_parquet(?)", [path])
    while page := found.fetchmany(1000):
        for row in page:
            yield dict(zip(COLUMNS, row))


def check(path, jsonl):
    connection = duckdb.connect()
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    same("columns", {name: kind for name, kind, *_ in described}, COLUMNS)
    pairs = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [path]).fetchall()
    about = {key.decode(): value.decode() for key, value in pairs if key.startswith(b"gantry.")}
    same("metadata", sorted(about), ["gantry.checkpoint", "gantry.origin", "gantry.size"])
    same("origin and size of the checkpoint", about["gantry.checkpoint"].split("\n")[:2],
         [about["gantry.origin"], about["gantry.size"]])  # fmt: skip

    count = 0
    with open(jsonl, encoding="utf-8", newline="\n") as lines:
        first = None
        for row, line in itertools.zip_longest(rows(connection, path), lines):
            if row is None or line is None:
                raise Difference(f"row {count}: {'no row' if row is None else 'no line'}")
            first = row["index"] if first is None else first
            for name, value in expected(first + count, line.removesuffix("\n")).items():
                same(f"{name} of row {count}", row[name], value)
            count += 1
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("expected_jsonl")
    arguments = parser.parse_args()
    try:
        count = check(arguments.path, arguments.expected_jsonl)
    except Difference as difference:
        sys.exit(f"{arguments.path} is not what was logged: {difference}")
    except (OSError, duckdb.Error) as error:
        sys.exit(f"{arguments.path} cannot be read: {str(error).splitlines()[0]}")
    print(f"{arguments.path}: {count} rows are the records")


if __name__ == "__main__":
    main()
