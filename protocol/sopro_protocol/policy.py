"""Witness policies: whose cosignatures count, and how many it takes (c2sp tlog-policy).

    log sopro.example/at/1+0f6ea1dd+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
    witness hu sopro.example/hu/witness+2ab79e3f+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU
    witness si sopro.example/si/witness+7d1a40c3+BO1Jks6TwyGgVZ/ypLGmVIBICPEDHOhBkrR2lkG4ZTO5
    group quorum 2 hu si
    quorum quorum

A file is lines of fields with blanks between them; a line that begins with `#` is a comment. Names
are used after the line that gives them, so one look from top to bottom says whether a quorum is
met.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .checkpoint import SignedCheckpoint, open_checkpoint
from .cosignature import verify_cosignature
from .errors import FormatError, VerificationError
from .keys import COSIGNATURE, ED25519, VerifierKey, format_vkey, parse_vkey
from .note import Note, NoteSignature

MAX_POLICY: Final = 256 * 1024
MAX_LINES: Final = 2048
NONE: Final = "none"

_BYTES: Final = re.compile(rb"[\x09\x0a\x20-\x7e\x80-\xff]*")
_BLANKS: Final = re.compile(r"[ \t]+")
_THRESHOLD: Final = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log that the policy is for; `url` is empty where none is stated."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness; `url` is where it takes requests, empty where none is stated."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Witnesses and groups of which at least `threshold` must have cosigned."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses and groups in the order of the file; no quorum means none is asked for."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str | None

    def is_met(self, cosigned: Collection[str]) -> bool:
        """Say whether the witnesses that cosigned are a quorum (WIT-16)."""
        if self.quorum is None:
            return True
        met = {witness.name: witness.name in cosigned for witness in self.witnesses}
        for group in self.groups:
            met[group.name] = sum(met[member] for member in group.members) >= group.threshold
        return met[self.quorum]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that carries a policy's quorum; only `check_quorum` makes one.

    Attributes:
        text: of the checkpoint.
        times: of every cosignature that counts, POSIX seconds, by the witness's name.
    """

    text: str
    times: Mapping[str, int]

    @property
    def earliest(self) -> int | None:
        """The earliest time that a witness vouches for; None where the policy asks for none."""
        return min(self.times.values(), default=None)

    @property
    def median(self) -> int | None:
        """The time that at least half of the witnesses had reached; None as in `earliest`."""
        ordered = sorted(self.times.values())
        return ordered[(len(ordered) - 1) // 2] if ordered else None


def find_cosignatures(
    text: str,
    signatures: Iterable[NoteSignature],
    witnesses: Iterable[PolicyWitness],
    *,
    latest: int | None = None,
) -> dict[str, tuple[NoteSignature, int]]:
    """Find the cosignatures over a checkpoint's text that count, by witness (COS-3, WIT-16).

    Args:
        text: of the checkpoint.
        signatures: lines under it; those of nobody known are passed over.
        witnesses: whose cosignatures count.
        latest: time after which a cosignature does not count, POSIX seconds.
    """
    known: dict[tuple[str, bytes], list[PolicyWitness]] = {}
    for witness in witnesses:
        known.setdefault((witness.key.name, witness.key.note_key_id), []).append(witness)
    found = {}
    for line in signatures:
        for witness in known.get((line.name, line.key_id), ()):
            try:
                time = verify_cosignature(text, line, witness.key)
            except VerificationError:
                continue
            if latest is None or time <= latest:
                found[witness.name] = (line, time)
    return found


def check_quorum(note: Note, policy: Policy, *, latest: int | None = None) -> Witnessed:
    """Check that a policy's witnesses cosigned a checkpoint; the log's signature is not (WIT-16).

    Args:
        note: the checkpoint with all its lines.
        policy: whose cosignatures count.
        latest: time after which a cosignature does not count, POSIX seconds.

    Raises:
        VerificationError: They are no quorum (`ckp.quorum`).
    """
    found = find_cosignatures(note.text, note.signatures, policy.witnesses, latest=latest)
    if not policy.is_met(found):
        raise VerificationError(
            f"checkpoint: expected a quorum of {policy.quorum!r}, got cosignatures of"
            f" {sorted(found) or 'nobody'}",
            code="ckp.quorum",
        )
    return Witnessed(note.text, {name: time for name, (_, time) in found.items()})


def open_witnessed(
    data: bytes, *, origin: str, policy: Policy, latest: int | None = None
) -> tuple[SignedCheckpoint, Witnessed]:
    """Open a checkpoint that its log signed and a policy's witnesses cosigned (WIT-16).

    Raises:
        FormatError: Not a note, or its text is no checkpoint (`ckp.format`).
        VerificationError: Another log's (`hos.origin`), not signed by a key that the policy has
            for it (`ckp.signature`), or not cosigned by a quorum (`ckp.quorum`).
    """
    keys = [log.key for log in policy.logs if log.key.name == origin]
    signed = open_checkpoint(data, origin=origin, keys=keys)
    return signed, check_quorum(signed.parsed, policy, latest=latest)


def format_policy(policy: Policy) -> str:
    """Write a policy, which `parse_policy` reads back as the same (c2sp tlog-policy; WIT-15)."""
    lines = [_join("log", format_vkey(log.key), log.url) for log in policy.logs]
    lines += [_join("witness", one.name, format_vkey(one.key), one.url) for one in policy.witnesses]
    lines += [_join("group", group.name, _word(group), *group.members) for group in policy.groups]
    lines.append(_join("quorum", policy.quorum or NONE))
    return "".join(f"{line}\n" for line in lines)


def _join(*fields: str) -> str:
    return " ".join(field for field in fields if field)


def _word(group: PolicyGroup) -> str:
    if group.threshold == len(group.members):
        return "all"
    return "any" if group.threshold == 1 else str(group.threshold)


def parse_policy(data: bytes) -> Policy:
    """Parse a policy (c2sp tlog-policy; WIT-15).

    Raises:
        FormatError: It does not follow the form (`wit.policy-text`), or holds a key that is none
            (`sig.key`, `sig.weak-key`).
    """
    if len(data) > MAX_POLICY or not _BYTES.fullmatch(data):
        raise _malformed(0, f"expected at most {MAX_POLICY} bytes of text, got {len(data)}")
    # What is no UTF-8 stays what it was, so that a comment may be in any encoding.
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    # What follows the last newline is no line.
    if len(lines) - (lines[-1] == "") > MAX_LINES:
        raise _malformed(0, f"expected at most {MAX_LINES} lines, got {len(lines)}")
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        fields = [field for field in _BLANKS.split(line) if field]
        if fields and not fields[0].startswith("#"):
            reader.read(number, fields)
    return reader.finish(len(lines))


class _Reader:
    """A policy as far as it was read."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: list[PolicyGroup] = []
        self._quorums: list[str] = []
        self._names: set[str] = set()
        self._grouped: set[str] = set()
        self._keys: set[bytes] = set()

    def read(self, number: int, fields: list[str]) -> None:
        match fields:
            case ["log", key, *url] if len(url) < 2:
                self._logs.append(PolicyLog(self._key(number, key, ED25519), "".join(url)))
            case ["witness", name, key, *url] if len(url) < 2:
                self._name(number, name)
                witness = PolicyWitness(name, self._key(number, key, COSIGNATURE), "".join(url))
                self._witnesses.append(witness)
            case ["group", name, threshold, *members] if members:
                self._groups.append(self._group(number, name, threshold, members))
            case ["quorum", name] if not self._quorums:
                if name != NONE and name not in self._names:
                    raise _malformed(number, f"expected a name given before, got {name[:80]!r}")
                self._quorums.append(name)
            case _:
                raise _malformed(
                    number,
                    "expected 'log', 'witness', 'group' or one 'quorum' with its fields,"
                    f" got {' '.join(fields)[:80]!r}",
                )

    def _key(self, number: int, text: str, key_type: int) -> VerifierKey:
        key = parse_vkey(text)
        if key.key_type != key_type:
            raise _malformed(number, f"expected a key of type {key_type}, got {key.key_type}")
        if key.public_key in self._keys:
            raise _malformed(number, f"expected each public key once, got that of {key.name!r}")
        self._keys.add(key.public_key)
        return key

    def _name(self, number: int, name: str) -> None:
        if name == NONE or name in self._names:
            raise _malformed(number, f"expected a name not given before, got {name[:80]!r}")
        self._names.add(name)

    def _group(self, number: int, name: str, threshold: str, members: list[str]) -> PolicyGroup:
        for member in members:
            if member not in self._names or member in self._grouped:
                raise _malformed(
                    number, f"expected members given before, in no group, got {member[:80]!r}"
                )
            self._grouped.add(member)
        self._name(number, name)
        count = {"all": len(members), "any": 1}.get(threshold)
        if count is None:
            count = int(threshold) if _THRESHOLD.fullmatch(threshold) else 0
        if not 1 <= count <= len(members):
            raise _malformed(
                number, f"expected 'all', 'any' or 1 to {len(members)}, got {threshold[:80]!r}"
            )
        return PolicyGroup(name, count, tuple(members))

    def finish(self, number: int) -> Policy:
        if not self._quorums:
            raise _malformed(number, "expected one line 'quorum', got none")
        [quorum] = self._quorums
        return Policy(
            tuple(self._logs),
            tuple(self._witnesses),
            tuple(self._groups),
            None if quorum == NONE else quorum,
        )


def _malformed(number: int, what: str) -> FormatError:
    return FormatError(f"policy: line {number}: {what}", code="wit.policy-text")
