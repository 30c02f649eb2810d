"""Asking two implementations the same, and what they answer differently."""

import base64
import json
import random
import subprocess
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from sopro_cli.verdicts import give_verdict
from sopro_conformance.wire.codec import Value, decode, encode
from sopro_conformance.world.certificate import Paper
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import SiteLog
from sopro_protocol.errors import SoproError
from tests.conformance.changing import change, mutate_entry
from tests.conformance.examples import JAVASCRIPT
from tests.conformance.storm import Storm

DAYS = ("2026-02-19", "2026-03-15", "2026-06-30", "2026-12-31", "2027-03-01")


def as_json(value: Any) -> Any:
    """Return a value with its bytes in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: as_json(one) for name, one in value.items()}
    return [as_json(one) for one in value] if isinstance(value, list | tuple) else value


def verdict_of(answered: Mapping[str, Any]) -> Any:
    """Return what was said, without the words: what `ok` gives, the code, or the error."""
    if "reject" in answered:
        return answered["reject"]["code"]
    return answered.get("ok", answered)


def ask_ours(request: Mapping[str, Any]) -> Any:
    """Return what our software says of a request, as `verdict_of` does."""
    try:
        return json.loads(json.dumps(give_verdict(str(request["kind"]), request)))
    except SoproError as error:
        return error.code


class Other:
    """The JavaScript implementation behind its adapter."""

    def __init__(self, node: str) -> None:
        command = [node, str(JAVASCRIPT / "adapter.mjs")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, line: bytes) -> Mapping[str, Any]:
        """Ask one request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        answered: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        return answered


def requests(seed: int, *, steps: int) -> Iterator[dict[str, Any]]:
    """Make what is asked about one world, from nothing but the seed."""
    source = random.Random(seed)
    storm = Storm(source)
    storm.run(steps)
    world = storm.world
    yield {"kind": "logs", **world.question(source.choice(DAYS))}
    yield {"kind": "logs", **_cut_short(world.question(), world, source)}
    for log in source.sample(list(world.sites.values()), 1):
        yield from _about_entries(log, source)
    yield from _about_certificates(source)


def _cut_short(question: dict[str, Any], world: World, source: random.Random) -> dict[str, Any]:
    """Leave out the end of a log, under a head that is right for it or not (SPEC VOID-16)."""
    log = source.choice([world.coordinator, *world.sites.values()])
    size = source.randint(0, log.size)
    signed = size if source.random() < 0.8 else source.randint(0, log.size)
    shorter = {
        "origin": log.origin,
        "checkpoint": log.checkpoint(signed),
        "entries": log.entries[:size],
    }
    logs = [shorter if one["origin"] == log.origin else one for one in question["logs"]]
    return question | {"logs": logs}


def _about_certificates(source: random.Random) -> Iterator[dict[str, Any]]:
    """Make a certificate, right or of a site that goes, and change it in one place."""
    world = World(source)
    log = world.sites["at"]
    paper = Paper(world, log)
    for action in source.sample(["suspend", "reinstate", "revoke"], source.randint(0, 2)):
        paper.decide(action)
    if source.random() < 0.3:
        ends: dict[str, Value] = {"origin": log.origin, "size": source.randint(0, log.size + 3)}
        more = {"ends": ends} if source.random() < 0.7 else {}
        world.change_membership("at", status=source.choice(["left", "suspended"]), **more)
    ending = paper.close()
    file = paper.write(ending)
    policy = {"policy": "quorum none"} if source.random() < 0.2 else {}
    for _ in range(10):
        day = source.choice(DAYS)
        yield {"kind": "certificate", **paper.question(file, day, **policy)}
        fields = decode(paper.write(ending))
        at = source.choice(sorted(fields))
        if at == "decisions" and source.random() < 0.6:
            one = source.choice(fields[at])
            one[0] = mutate_entry(one[0], log, source)
        elif source.random() < 0.2:
            fields[at] = fields[source.choice(sorted(fields))]
        else:
            fields[at] = change(fields[at], source)
        file = encode(fields)


def _about_entries(log: SiteLog, source: random.Random) -> Iterator[dict[str, Any]]:
    keys = [one.public for one in log.keys.values()]
    for entry in source.sample(log.entries, min(12, len(log.entries))):
        changed = mutate_entry(entry, log, source)
        yield {"kind": "entry", "bytes": changed}
        yield {"kind": "entry", "bytes": changed, "keys": keys}
        record = record_in(changed)
        if record is not None:
            yield {"kind": "record", "bytes": record}


def record_in(entry: bytes) -> bytes | None:
    """Return a record's bytes where an entry has any that can be found."""
    if entry[:2] == b"\x92\xc5":
        return entry[4 : 4 + int.from_bytes(entry[2:4])]
    if entry[:2] == b"\x92\xc4":
        return entry[3 : 3 + entry[2]]
    return None


def differences(other: Other, seed: int, *, steps: int = 40) -> Iterator[str]:
    """Ask both about one world; yields each difference as a sentence."""
    for number, request in enumerate(requests(seed, steps=steps)):
        asked = as_json(request)
        line = json.dumps({"id": number, "verb": "verify", **asked}).encode()
        ours, theirs = ask_ours(asked), verdict_of(other.ask(line))
        if ours != theirs:
            yield f"seed {seed}, question {number}, {request['kind']}: {_say(ours, theirs)}"


def _say(ours: Any, theirs: Any) -> str:
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return f"ours {ours}, theirs {theirs}"
    parts = []
    for name in sorted({*ours, *theirs}):
        a, b = ours.get(name), theirs.get(name)
        if a != b and isinstance(a, dict) and isinstance(b, dict):
            parts.append(f"{name}: ({_say(a, b)})")
        elif a != b:
            parts.append(f"{name}: ours {a}, theirs {b}")
    return "; ".join(parts)
