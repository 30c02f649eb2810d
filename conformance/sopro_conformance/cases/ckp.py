"""CKP: checkpoints, their signatures, and the witnesses that cosign them."""

from collections.abc import Sequence
from typing import Final

from sopro_conformance.case import case
from sopro_conformance.trial import Trial
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import (
    COSIGNER,
    Line,
    cosign_text,
    hint_of,
    sign_text,
    write_note,
    write_text,
    write_vkey,
)

_EASTERN: Final = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
"""Digits that are none here."""


class _Log:
    """A log of which only the head is needed."""

    def __init__(self, trial: Trial) -> None:
        self.origin = trial.origin
        self.size = trial.random.randrange(10**3, 10 ** trial.random.randint(4, 12))
        self.key = SigningKey(trial.random.randbytes(32))
        self.root = trial.random.randbytes(32)
        self.text = write_text(self.origin, self.size, self.root)
        self.line = sign_text(self.text, self.origin, self.key)
        self.note = write_note(self.text, [self.line])
        self.vkey = write_vkey(self.origin, self.key.public)

    def sign(self, text: str) -> bytes:
        """Return a note with another text, rightly signed."""
        return write_note(text, [sign_text(text, self.origin, self.key)])


@case(
    "CKP-03",
    "A checkpoint has one form, and every other is refused.",
    clauses="CKP-1 CKP-2 CKP-3 CKP-4 NOTE-1 NOTE-3 NOTE-4 NOTE-5 NOTE-6",
    profiles="reader witness",
)
async def forms(trial: Trial) -> None:
    """Sign malformed texts rightly, and write right ones malformed."""
    log = _Log(trial)
    good = {"bytes": log.note, "origin": log.origin, "keys": [log.vkey]}
    await trial.accepts(
        "checkpoint", {"size": log.size, "root": log.root}, what="a checkpoint", **good
    )
    lines = log.text.split("\n")

    def spelled(size: str) -> str:
        return "\n".join([lines[0], size, *lines[2:]])

    texts = {
        "a leading zero": spelled(f"0{log.size}"),
        "a sign": spelled(f"+{log.size}"),
        "a size in hex": spelled(hex(log.size)),
        "a size in other digits": spelled(str(log.size).translate(_EASTERN)),
        "a size above 2^48": spelled(str(2**48 + 1)),
        "no size": spelled(""),
        "a root of 31 bytes": write_text(log.origin, log.size, log.root[:31]),
        "a root of 33 bytes": write_text(log.origin, log.size, log.root + b"\x00"),
        "base64 without padding": log.text.replace("=", ""),
        "a root that is none": log.text.replace(lines[2], "*" * 44),
        "size 0 with another root": write_text(log.origin, 0, log.root),
        "an extension line": log.text + "extension\n",
        "two lines": f"{log.origin}\n{log.size}\n",
        "no origin": log.text.replace(log.origin, ""),
    }
    notes = {name: log.sign(text) for name, text in texts.items()}
    line = log.note.split(b"\n\n")[1]
    notes |= {
        "CRLF": log.note.replace(b"\n", b"\r\n"),
        "a control character": log.note.replace(b"sopro.example", b"sopro\x00xample", 1),
        "bytes that are no UTF-8": log.note + b"\xff\xfe\n",
        "no empty line": log.note.replace(b"\n\n", b"\n"),
        "no signature": log.text.encode() + b"\n",
        "a line that does not end": log.note[:-1],
        "a line twice": log.note + line,
        "a hyphen for the dash": log.note.replace("\u2014".encode(), b"-"),
        "a signature that is no base64": log.note[:-5] + b"!!!!\n",
        "nothing": b"",
    }
    for delta, note in notes.items():
        await trial.refuses(
            "checkpoint", "ckp.format", delta=delta, twin=good, **{**good, "bytes": note}
        )


@case(
    "CKP-04",
    "Lines of unknown keys are ignored; a line of a known key that fails is fatal.",
    clauses="NOTE-7 NOTE-8 KEY-5",
    profiles="reader witness",
)
async def unknown_lines(trial: Trial) -> None:
    """Put lines of strangers around the right one, then break one of a known key."""
    log = _Log(trial)
    strangers = [SigningKey(trial.random.randbytes(32)) for _ in range(15)]
    lines = [sign_text(log.text, f"x{at}.example", one) for at, one in enumerate(strangers)]
    many = write_note(log.text, [*lines, log.line])
    good = {"bytes": many, "origin": log.origin, "keys": [log.vkey]}
    await trial.accepts("checkpoint", {"size": log.size}, what="15 unknown lines", **good)
    second = SigningKey(trial.random.randbytes(32))
    broken = sign_text(log.text + "x", log.origin, second)
    keys = [log.vkey, write_vkey(log.origin, second.public)]
    both = {"origin": log.origin, "keys": keys}
    fine = write_note(log.text, [log.line, sign_text(log.text, log.origin, second)])
    for order in ([log.line, broken], [broken, log.line]):
        await trial.refuses(
            "checkpoint",
            "ckp.signature",
            delta="one of two known keys signed another text",
            twin={"bytes": fine},
            bytes=write_note(log.text, order),
            **both,
        )


@case(
    "CKP-05",
    "Without a signature of a key of the log there is no trust.",
    clauses="CKP-5 CKP-6 NOTE-7",
    profiles="reader witness",
)
async def no_trust(trial: Trial) -> None:
    """Sign with other keys, under the same name or with the same 4-byte id."""
    log = _Log(trial)
    stranger = SigningKey(trial.random.randbytes(32))
    good = {"bytes": log.note, "origin": log.origin, "keys": [log.vkey]}
    name = "sopro.example/hu/1"
    inputs = {
        "only a stranger's line": [sign_text(log.text, "x.example", stranger)],
        "same name, other key": [sign_text(log.text, log.origin, stranger)],
        "same key, other name": [sign_text(log.text, name, log.key)],
        "its name and 4-byte id on another's signature": [
            Line(log.origin, hint_of(log.origin, log.key.public), stranger.sign(log.text.encode()))
        ],
    }
    for delta, lines in inputs.items():
        await trial.refuses(
            "checkpoint",
            "ckp.signature",
            delta=delta,
            twin=good,
            **{**good, "bytes": write_note(log.text, lines)},
        )
    text = write_text(name, log.size, log.root)
    other = write_note(text, [sign_text(text, name, log.key), sign_text(text, log.origin, log.key)])
    await trial.refuses(
        "checkpoint", "hos.origin", delta="of another log", twin=good, **{**good, "bytes": other}
    )


class _Witnesses:
    """So many witnesses, and a policy that asks for some of them."""

    def __init__(self, trial: Trial, count: int) -> None:
        self.keys = [SigningKey(trial.random.randbytes(32)) for _ in range(count)]
        self.names = [f"sopro.example/w{number}/witness" for number in range(count)]

    def policy(self, needed: int) -> str:
        """Write a policy file (WIT-15)."""
        known = [
            f"witness w{at} {write_vkey(name, key.public, COSIGNER)}"
            for at, (name, key) in enumerate(zip(self.names, self.keys, strict=True))
        ]
        members = " ".join(f"w{at}" for at in range(len(self.keys)))
        return "\n".join([*known, f"group g {needed} {members}", "quorum g", ""])

    def lines(self, text: str, chosen: Sequence[int], time: int) -> list[Line]:
        """Return the cosignatures of some of them."""
        return [cosign_text(text, self.names[at], self.keys[at], time) for at in chosen]


@case("CKP-06", "A quorum is so many different witnesses of the policy.", clauses="WIT-16 NOTE-5")
async def quorum(trial: Trial) -> None:
    """Have too few cosign, one of them twice, and strangers."""
    log = _Log(trial)
    witnesses = _Witnesses(trial, 5)
    outside = _Witnesses(trial, 2)

    def note(lines: Sequence[Line]) -> bytes:
        return write_note(log.text, [log.line, *lines])

    policy = {"policy": witnesses.policy(3), "now": trial.now + 10}
    twin = {"bytes": note(witnesses.lines(log.text, [0, 2, 4], trial.now)), **policy}
    await trial.accepts("quorum", {"cosigned": 3}, what="three of five", **twin)
    two = witnesses.lines(log.text, [0, 2], trial.now)
    again = Line("sopro.example/w0b/witness", two[0].hint, two[0].blob)
    stranger = cosign_text(log.text, "x.example/witness", outside.keys[0], trial.now)
    posing = cosign_text(log.text, witnesses.names[4], outside.keys[1], trial.now)
    renamed = "sopro.example/w9/witness"
    as_another = cosign_text(log.text, renamed, witnesses.keys[0], trial.now)
    for delta, lines in (
        ("two of five", two),
        ("one of them again under another name", [*two, again]),
        ("its key cosigns under another name as well", [*two, as_another]),
        ("a third that the policy does not know", [*two, stranger]),
        ("a stranger under a witness's name", [*two, posing]),
        ("nobody", []),
    ):
        await trial.refuses(
            "quorum", "ckp.quorum", delta=delta, twin=twin, bytes=note(lines), **policy
        )


@case(
    "CKP-07",
    "A cosignature binds log, size, root and time.",
    clauses="COS-1 COS-2 COS-3 WIT-14",
)
async def cosignature(trial: Trial) -> None:
    """Move a cosignature to another head, and change its time."""
    log = _Log(trial)
    witness = SigningKey(trial.random.randbytes(32))
    name = "sopro.example/w/witness"
    key = write_vkey(name, witness.public, COSIGNER)
    line = cosign_text(log.text, name, witness, trial.now)
    good = {"bytes": write_note(log.text, [log.line, line]), "key": key}
    await trial.accepts("cosignature", {"time": trial.now}, what="a cosignature", **good)
    later = Line(line.name, line.hint, (trial.now + 1).to_bytes(8, "big") + line.blob[8:])
    plain = Line(name, line.hint, trial.now.to_bytes(8, "big") + witness.sign(log.text.encode()))
    elsewhere = cosign_text(
        write_text("sopro.example/hu/1", log.size, log.root), name, witness, trial.now
    )
    larger = cosign_text(write_text(log.origin, log.size + 1, log.root), name, witness, trial.now)
    other = cosign_text(write_text(log.origin, log.size, bytes(32)), name, witness, trial.now)
    never = cosign_text(log.text, name, witness, 0)
    for delta, bad in (
        ("its time is another", later),
        ("taken from another log", elsewhere),
        ("taken from another size", larger),
        ("taken from another root", other),
        ("signed as a log signs", plain),
        ("71 bytes", Line(name, line.hint, line.blob[:-1])),
        ("time 0", never),
    ):
        note = write_note(log.text, [log.line, bad])
        await trial.refuses(
            "cosignature", "ckp.cosignature", delta=delta, twin=good, **{**good, "bytes": note}
        )
