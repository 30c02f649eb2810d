"""A process that checks or signs the same records over and over and says how fast it can.

Reads `verify SECONDS` or `sign-verify SECONDS` from stdin, writes the rate per second and the CPU
time of each, in microseconds, to stdout. The latter leaves out what other processes were given.
"""

import sys
import time
from pathlib import Path

import msgspec

from sopro_protocol.keys import Ed25519Signer, verify_ed25519

Triples = list[tuple[bytes, bytes, bytes]]


def verify(triples: Triples) -> None:
    for public, message, signature in triples:
        verify_ed25519(public, message=message, signature=signature)


def sign_verify(triples: Triples) -> None:
    signer = Ed25519Signer(b"\x01" * 32)
    for _, message, _ in triples:
        signature = signer.sign(message)
        verify_ed25519(signer.public_key, message=message, signature=signature)


def main() -> None:
    triples = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Triples)
    work = {"verify": verify, "sign-verify": sign_verify}
    print("ready", flush=True)
    for line in sys.stdin:
        what, seconds = line.split()
        began, count, at = time.perf_counter(), 0, 0
        cpu = time.process_time()
        while (spent := time.perf_counter() - began) < float(seconds):
            piece = triples[at : at + 256]
            work[what](piece)
            count += len(piece)
            at = (at + 256) % len(triples)
        print(count / spent, (time.process_time() - cpu) / count * 1e6, flush=True)


if __name__ == "__main__":
    main()
