"""Verifies an exported log with two verifiers that know nothing of Gantry.

    python3 tiles_check.py DIRECTORY VKEY [--pruned BUNDLES]

tlog-scales checks the checkpoint's signature by VKEY, computes the root from the hash tiles, and
makes and checks proofs from them. pymerkle computes the root from the leaves in the bundles. As
many bundles as --pruned says may be missing; pymerkle then has no root to compute, and every leaf
that is there is compared with its hash instead.

It exits with 1 and says where at the first difference.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from pymerkle import InmemoryTree
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import Tile, TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash, tile_path

WIDTH = 256


class Difference(Exception):
    """What was found to be wrong."""


def same(what, found, expected):
    if found != expected:
        show = [side.hex() if isinstance(side, bytes) else side for side in (found, expected)]
        raise Difference(f"{what}: found {show[0]}, expected {show[1]}")


def holds(what, check, *arguments):
    """Runs a check that raises when it fails, and says which one it was."""
    try:
        check(*arguments)
    except Exception as error:
        raise Difference(f"{what}: {type(error).__name__} {error}") from error


def bundles(directory, size):
    """Number and leaves of each bundle; none for one that is missing."""
    for number in range((size + WIDTH - 1) // WIDTH):
        width = min(WIDTH, size - number * WIDTH)
        path = directory.joinpath(*tile_path(-1, number, width % WIDTH))
        if not path.exists():
            yield number, None
            continue
        leaves = Tile.from_entries_bytes(path.read_bytes()).entries
        same(f"leaves in {path}", len(leaves), width)
        yield number, leaves


def some(size):
    """Indexes and sizes at which trees turn: the ends, and both sides of every power of two."""
    turns = {power + side for power in (2**exponent for exponent in range(size.bit_length())) for side in (-1, 0, 1)}
    return sorted(n for n in turns | {0, size // 3, size // 2, size - 1} if 0 <= n < size)


def check(directory, vkey, pruned):
    reader = TilesReader(LocalBackend(directory))
    checkpoint = reader.get_checkpoint()
    size, root = checkpoint.size, checkpoint.root_hash
    # The signature is checked over the note as tlog-scales writes it; what it read may be laxer.
    same("text of the checkpoint", (directory / "checkpoint").read_bytes(), checkpoint.serialize().encode())
    key = Vkey.from_string(vkey)
    holds("signature of the checkpoint", checkpoint.verify, key)
    same("origin and name of the key", checkpoint.origin, key.name)
    same("root of the hash tiles", reader.calculate_root_hash(), root)

    tree, missing = InmemoryTree(algorithm="sha256"), 0
    for number, leaves in bundles(directory, size):
        if leaves is None:
            missing += 1
            continue
        for offset, leaf in enumerate(leaves):
            index = number * WIDTH + offset
            same(f"hash of leaf {index}", leaf_hash(leaf), reader.mth(index, index + 1))
            if not missing:
                tree.append_entry(leaf)
    same("missing bundles", missing, pruned)
    if not missing:
        same("root of the leaves", tree.get_root() if size else hashlib.sha256(b"").digest(), root)

    for index in some(size):
        proof = reader.get_inclusion_proof(index, size)
        holds(f"inclusion of {index}", proof.check, reader.mth(index, index + 1), root)
    for old in some(size):
        if old == 0:
            continue
        proof = reader.get_consistency_proof(old, size)
        old_root = tree.get_root(old) if not missing else reader.mth(0, old)
        holds(f"consistency of {old} with {size}", proof.check, old_root, root)
    return size, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("vkey")
    parser.add_argument("--pruned", type=int, default=0, metavar="BUNDLES")
    arguments = parser.parse_args()
    try:
        size, missing = check(arguments.directory, arguments.vkey, arguments.pruned)
    except Difference as difference:
        sys.exit(f"{arguments.directory} is not the log it says it is: {difference}")
    except (OSError, ValueError, RuntimeError, IndexError) as error:
        sys.exit(f"{arguments.directory} cannot be read as a log: {type(error).__name__} {error}")
    print(f"{arguments.directory}: {size} records verified, {missing} bundles missing")


if __name__ == "__main__":
    main()
