"""Proof files and requests to cosign (SPEC sections PROOF and COS)."""

import base64
from collections.abc import Sequence


def write_proof(
    index: int, hashes: Sequence[bytes], note: bytes, extra: bytes | None = None
) -> bytes:
    """Write a proof file (PROOF-1)."""
    lines = ["c2sp.org/tlog-proof@v1"]
    if extra is not None:
        lines.append("extra " + base64.b64encode(extra).decode())
    lines.append(f"index {index}")
    lines += [base64.b64encode(one).decode() for one in hashes]
    return "\n".join(lines).encode() + b"\n\n" + note


def write_add_checkpoint(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Write a request to cosign (COS-4)."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note
