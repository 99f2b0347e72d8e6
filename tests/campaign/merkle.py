"""RFC 6962 by the letter of the RFC, and signed notes: what an auditor would write who trusts no code of ours."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The hashes of a log's leaves, and its root at any size."""

    def __init__(self, leaves=()):
        # levels[k][n] is the hash of the full subtree over leaves n * 2**k to (n + 1) * 2**k.
        self.levels = [[]]
        for hash_ in leaves:
            self.push(hash_)

    def push(self, hash_):
        level = 0
        self.levels[0].append(hash_)
        while len(self.levels[level]) % 2 == 0:
            left, right = self.levels[level][-2:]
            level += 1
            if level == len(self.levels):
                self.levels.append([])
            self.levels[level].append(node_hash(left, right))

    def size(self):
        return len(self.levels[0])

    def root(self, size):
        """MTH of the first `size` leaves: the full subtrees from the right."""
        assert size <= self.size(), f"root of {size} in a log of {self.size()}"
        root, end = None, size
        for level in range(len(self.levels)):
            if end >> level & 1:
                subtree = self.levels[level][(end >> level) - 1]
                root = subtree if root is None else node_hash(subtree, root)
        return root or EMPTY_ROOT


def inclusion_root(index, size, leaf, proof):
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2, which is RFC 6962's proof)."""
    assert index < size, f"record {index} in a log of {size}"
    fn, sn, root = index, size - 1, leaf
    for step in proof:
        assert sn, "the proof is too long"
        if fn & 1 or fn == sn:
            root = node_hash(step, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, step)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the proof is too short"
    return root


def consistency_roots(old, new, old_root, proof):
    """Both roots that a consistency proof leads to (RFC 9162, 2.1.4.2)."""
    assert 0 < old <= new, f"from {old} to {new}"
    if old == new:
        assert not proof, "a proof of nothing has no hashes"
        return old_root, old_root
    path = list(proof)
    assert path, "the proof is empty"
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        assert sn, "the proof is too long"
        if fn & 1 or fn == sn:
            first, second = node_hash(step, first), node_hash(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, step)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the proof is too short"
    return first, second


class Checkpoint:
    """A c2sp.org/tlog-checkpoint: origin, size and root, signed."""

    def __init__(self, note):
        self.note = note
        text, _, signatures = note.decode().rpartition("\n\n")
        self.text = text + "\n"
        lines = self.text.splitlines()
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        self.signatures = [line.removeprefix("\u2014 ").split(" ") for line in signatures.splitlines()]

    def check_signature(self, verifier_keys):
        """At least one of the log's Ed25519 keys has signed, and none wrongly."""
        signed = 0
        for vkey in verifier_keys:
            name, key_id, key = vkey.split("+", 2)
            algorithm, public = (blob := base64.b64decode(key))[0], blob[1:]
            if algorithm != 1:
                continue
            expected = hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4]
            assert expected.hex() == key_id, f"key id of {vkey}"
            for signer, signature in self.signatures:
                blob = base64.b64decode(signature)
                if signer == name and blob[:4] == expected:
                    Ed25519PublicKey.from_public_bytes(public).verify(blob[4:], self.text.encode())
                    signed += 1
        assert signed, f"checkpoint of {self.size} records: no signature by {verifier_keys}"
