"""Whatever is done to a certificate file, there is a verdict, and it never says more than is true.

The files are those of one label before and after it was revoked, and of another one beside it.
"""

import copy
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_protocol.checkpoint import parse_checkpoint_text
from sopro_protocol.cosignature import cosign
from sopro_protocol.encoding import MAX_INTEGER, decode, encode
from sopro_protocol.keys import COSIGNATURE, make_vkey
from sopro_protocol.note import NoteSignature, parse_note
from sopro_protocol.policy import Policy, PolicyWitness
from sopro_protocol.proof import parse_proof
from sopro_registry.certificate_file import MAX_CERTIFICATE, Certificate, format_certificate
from sopro_registry.verdict import Judged, Verdict, judge_certificate
from tests.registry.certifying import TODAY, certify, cosigned, end_batch, prove
from tests.registry.world import NOW, SITE_ROLES, World, dates_of, signer

WITNESSES: Final = tuple(
    (signer(f"witness of {site}"), f"sopro.example/{site}/witness") for site in ("at", "hu")
)
KEYS: Final = tuple(
    make_vkey(name, one.public_key, key_type=COSIGNATURE) for one, name in WITNESSES
)
_CODE: Final = re.compile(r"[a-z]{2,5}\.[a-z-]+")


class Files(NamedTuple):
    """Genuine files, and what is true of a label under the head of a size.

    `stale` is not genuine: a proof, under the newest head, of the state before.
    """

    world: World
    granted: Certificate
    revoked: Certificate
    other: Certificate
    stale: Certificate
    truth: dict[tuple[str, int], tuple[str, list[str]]]


@cache
def files() -> Files:
    """Grant two labels, exchange a key, and revoke one of the labels."""
    world = World()
    at = world.at
    at.decide("grant", **dates_of("grant", "2027-06-01"))
    at.decide("grant", label="other", **dates_of("grant", "2027-06-01"), certificate=at.number(2))
    end_batch(world)
    granted, before = certify(world), len(at.entries)
    at.keys = at.keys | {"access": signer("at second access")}
    assert at.write_keys({at.keys[one].public_key: one for one in SITE_ROLES}).code is None
    later = ["suspend", "reinstate", "revoke"]
    for action in later:
        assert at.decide(action, **dates_of(action, "2027-12-01")).code is None
    end_batch(world)
    number, another, size = at.number(1), at.number(2), len(at.entries)
    truth = {(number, before): ("active", ["grant"])}
    truth |= {(number, size): ("revoked", ["grant", *later])}
    truth |= {(another, one): ("active", ["grant"]) for one in (before, size)}
    revoked = certify(world)
    stale = revoked._replace(state=prove(at, before - 1), status=granted.status)
    return Files(world, granted, revoked, certify(world, label="other"), stale, truth)


def judge(data: bytes, **values: Any) -> Judged:
    coordinator = files().world.coordinator
    root = coordinator.keys["root"].public_key
    asked = {"coordinator": coordinator.origin, "coordinator_root": root} | values
    return judge_certificate(data, day=TODAY, now=NOW, **asked)


def hold_to_truth(judged: Judged) -> None:
    """Assert that a verdict has its reason and says nothing that is not so."""
    opened = judged.opened
    if opened is None:
        assert judged.verdict in (Verdict.MALFORMED, Verdict.FORGED)
        assert _CODE.fullmatch(judged.code)
        assert judged.why
        assert "\n" not in judged.why
        assert len(judged.why) < 600
    elif opened.is_present:
        decided = [action for action, _ in opened.decided]
        assert (opened.status, decided) == files().truth[opened.number, opened.size]
    else:
        assert judged.verdict not in (Verdict.VALID, Verdict.STALE)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of every part of a file."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        yield (*path, name)
        if isinstance(part, dict | list):
            yield from places(part, (*path, name))


def at_place(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def changes_of_parts() -> list[tuple[str, Any]]:
    """Return the parts of a file with what may be put in the place of each; None for nothing."""
    _, granted, revoked, other, stale, _ = files()
    changes: list[tuple[str, Any]] = []
    for name, part in as_map(revoked).items():
        longest = part if name in ("decisions", "key_history", "records") else []
        pieces = combinations(range(len(longest) + 1), 2)
        shorter = [longest[:start] + longest[end:] for start, end in pieces]
        theirs = [as_map(one).get(name) for one in (granted, other, stale)]
        for one in [part, *theirs, None, longest[::-1], longest + longest[:1], *shorter]:
            if one != [] and (name, one) not in changes:
                changes.append((name, one))
    return changes


def as_map(certificate: Certificate) -> dict[str, Any]:
    value: Any = decode(format_certificate(certificate), limit=MAX_CERTIFICATE)
    return dict(value)


def test_no_two_parts_can_be_exchanged_to_say_what_is_false() -> None:
    changes = list(changes_of_parts())
    for base in (as_map(files().revoked), as_map(files().stale)):
        for one, two in combinations(changes, 2):
            if one[0] != two[0]:
                value = base | dict((one, two))
                hold_to_truth(judge(encode({name: part for name, part in value.items() if part})))


CHANGES: Final[dict[str, Callable[[Any, int], Any]]] = {
    "cut": lambda part, at: part[:at] if isinstance(part, bytes | str | list) else part,
    "flip": lambda part, at: (
        part[: at % len(part)]
        + bytes([part[at % len(part)] ^ (1 << at % 8)])
        + part[at % len(part) + 1 :]
        if isinstance(part, bytes) and part
        else part
    ),
    "insert": lambda part, at: part[:at] + b"\n" + part[at:] if isinstance(part, bytes) else part,
    "repeat": lambda part, at: part * (at % 300) if isinstance(part, list) else part,
    "reverse": lambda part, _: part[::-1] if isinstance(part, list) else part,
    "number": lambda _, at: MAX_INTEGER - at,
    "nothing": lambda _part, _at: b"",
    "a map": lambda _part, _at: {},
}


@settings(max_examples=400)
@given(data=st.data())
def test_whatever_is_changed_there_is_a_verdict_and_it_says_nothing_false(
    data: st.DataObject,
) -> None:
    sources = [
        decode(format_certificate(one), limit=MAX_CERTIFICATE)
        for one in (files().revoked, files().granted, files().other)
    ]
    value: Any = copy.deepcopy(sources[0])
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(sorted(places(value), key=str)))
        held = at_place(value, path[:-1])
        how = data.draw(st.sampled_from(["taken from", "left out", *CHANGES]))
        if how == "left out":
            del held[path[-1]]
        elif how == "taken from":
            source: Any = data.draw(st.sampled_from(sources))
            theirs = data.draw(st.sampled_from([path, *sorted(places(source), key=str)]))
            if theirs in places(source):
                held[path[-1]] = copy.deepcopy(at_place(source, theirs))
        else:
            held[path[-1]] = CHANGES[how](held[path[-1]], data.draw(st.integers(0, 1500)))
        if not value:
            break
    hold_to_truth(judge(encode(value)))


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_bytes_are_changed_there_is_a_verdict(data: st.DataObject) -> None:
    good = format_certificate(files().revoked)
    at = data.draw(st.integers(0, len(good)))
    removed = data.draw(st.sampled_from([0, 1, 2, 5, 300, len(good)]))
    changed = good[:at] + data.draw(st.binary(max_size=6)) + good[at + removed :]
    hold_to_truth(judge(changed))


def mixed(**parts: Any) -> bytes:
    return format_certificate(files().revoked._replace(**parts))


ATTACKS: Final[dict[str, tuple[Callable[[], bytes], Verdict, str]]] = {
    "a key record twice": (
        lambda: mixed(key_history=files().revoked.key_history * 2),
        Verdict.FORGED,
        "proof.invalid",
    ),
    "the first key record again": (
        lambda: mixed(key_history=[files().revoked.keys]),
        Verdict.FORGED,
        "proof.invalid",
    ),
    "more key records than fit": (
        lambda: mixed(key_history=files().revoked.key_history * 257),
        Verdict.MALFORMED,
        "cert.form",
    ),
    "more decisions than fit": (
        lambda: mixed(decisions=files().revoked.decisions[:1] * 257),
        Verdict.MALFORMED,
        "cert.form",
    ),
    "more records than fit": (
        lambda: mixed(records=files().revoked.records[:1] * 17),
        Verdict.MALFORMED,
        "cert.form",
    ),
    "more bytes than fit": (
        lambda: mixed(before=bytes(MAX_CERTIFICATE)),
        Verdict.MALFORMED,
        "enc.limit",
    ),
    "a path of the coordinator's log": (
        lambda: mixed(
            decisions=[
                files().revoked.decisions[0]._replace(proof=files().revoked.membership.proof)
            ]
        ),
        Verdict.FORGED,
        "hos.origin",
    ),
    "a decision twice": (
        lambda: mixed(decisions=[*files().revoked.decisions, files().revoked.decisions[-1]]),
        Verdict.FORGED,
        "proof.invalid",
    ),
    "the state before the end": (
        lambda: mixed(state=files().granted.state),
        Verdict.FORGED,
        "proof.invalid",
    ),
    "the state before the end, under the newest head": (
        lambda: format_certificate(files().stale),
        Verdict.FORGED,
        "proof.invalid",
    ),
    "the status before the end": (
        lambda: mixed(status=files().granted.status),
        Verdict.FORGED,
        "proof.invalid",
    ),
    "another label's decisions": (
        lambda: mixed(decisions=files().other.decisions),
        Verdict.FORGED,
        "lbl.reference",
    ),
}


@pytest.mark.parametrize(
    ("make", "verdict", "code"),
    list(ATTACKS.values()),
    ids=[one.replace(" ", "-") for one in ATTACKS],
)
def test_an_attack_is_told_by_its_code(
    make: Callable[[], bytes], verdict: Verdict, code: str
) -> None:
    assert judge(format_certificate(files().revoked)).verdict is Verdict.REVOKED
    judged = judge(make())
    assert (judged.verdict, judged.code) == (verdict, code)
    hold_to_truth(judged)


def swapped(lines: list[NoteSignature]) -> list[NoteSignature]:
    """Put each witness's name and key id over what the other has signed."""
    first, second = lines
    return [
        NoteSignature(first.name, first.key_id, second.signature),
        NoteSignature(second.name, second.key_id, first.signature),
    ]


def under_witnesses(change: Callable[[list[NoteSignature]], list[NoteSignature]]) -> bytes:
    good = files().granted
    assert good.state is not None
    note = parse_note(parse_proof(good.state.proof).checkpoint_note)
    checkpoint = parse_checkpoint_text(note.text)
    lines = [cosign(checkpoint, name=name, signer=one, time=NOW // 1000) for one, name in WITNESSES]
    return format_certificate(good._replace(state=cosigned(good.state, *change(lines))))


def test_swapped_cosignatures_are_no_cosignatures() -> None:
    policy = Policy((), tuple(PolicyWitness(key.name, key) for key in KEYS[:1]), (), KEYS[0].name)
    good, bad = under_witnesses(list), under_witnesses(swapped)
    assert judge(good, policy=policy, witnesses=KEYS).verdict is Verdict.VALID
    unproven = judge(bad, policy=policy)
    assert (unproven.verdict, unproven.code) == (Verdict.UNPROVEN, "ckp.quorum")
    forged = judge(bad, witnesses=KEYS)
    assert (forged.verdict, forged.code) == (Verdict.FORGED, "ckp.cosignature")
