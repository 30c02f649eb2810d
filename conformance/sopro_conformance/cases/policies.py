"""CKP-40 and CKP-42: the text of a witness policy; CKP-41: a witness whose clock is behind."""

from typing import Final

from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.cases.staged import fresh
from sopro_conformance.cases.witnessing import ask_a_witness
from sopro_conformance.trial import Trial
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import (
    COSIGNER,
    cosign_text,
    cosigned_at,
    read_checkpoint,
    sign_text,
    write_note,
    write_text,
    write_vkey,
)
from sopro_conformance.wire.policy import read_lines, why_no_policy
from sopro_conformance.wire.vkey import read_policy
from sopro_conformance.world.client import Reply, words
from sopro_conformance.world.sitelog import SiteLog

_CODE: Final = "wit.policy-text"
_POLICY: Final = "/api/v1/witness-policy"
_LINES: Final = 2048
_BYTES: Final = 262_144


class _Text:
    """Parts of a policy, and a note that two of its three witnesses have cosigned."""

    def __init__(self, trial: Trial) -> None:
        keys = [SigningKey(trial.random.randbytes(32)) for _ in range(5)]
        names = [f"sopro.example/{site}/witness" for site in ("hu", "si", "fr", "it", "at")]
        self.keys = [
            write_vkey(name, key.public, COSIGNER) for name, key in zip(names, keys, strict=True)
        ]
        self.log = write_vkey(trial.origin, keys[4].public)
        self.log_key = write_vkey(names[3], keys[3].public)
        text = write_text(trial.origin, 7, trial.random.randbytes(32))
        lines = [cosign_text(text, names[at], keys[at], trial.now) for at in (0, 1)]
        self.note = write_note(text, [sign_text(text, trial.origin, keys[4]), *lines])
        self.witnesses = [f"witness {site} {self.keys[at]}" for at, site in enumerate(("hu", "si"))]

    def policy(self, *lines: str, before: str = "", quorum: str = "quorum g\n") -> str:
        """Write a policy: two witnesses, whatever lines, the quorum."""
        known = [*self.witnesses, *(lines or ("group g 2 hu si",))]
        return before + "".join(f"{one}\n" for one in known) + quorum


@case(
    "CKP-40",
    "A witness policy has the form of c2sp tlog-policy, and no other.",
    clauses="WIT-15 WIT-16",
)
async def policy_texts(trial: Trial) -> None:
    """Write policies in every allowed way, and with one thing wrong."""
    text = _Text(trial)
    given = {"bytes": text.note, "now": trial.now + 10}
    twin = {"policy": text.policy()}
    filler = "# " + "x" * 100 + "\n"
    most = text.policy(before=filler * (_LINES - 4))
    room = _BYTES - len(text.policy()) - 3
    good = {
        "two of two": text.policy(),
        "in one word, all": text.policy("group g all hu si"),
        "in one word, any": text.policy("group g any hu si"),
        "a witness by itself": text.policy(quorum="quorum hu\n"),
        "no quorum asked for": text.policy(quorum="quorum none\n"),
        "a group of groups": text.policy("group a any hu", "group g all a si"),
        "tabs and more blanks": text.policy("group\tg  2 \t hu si "),
        "comments and empty lines": text.policy(before="# a comment\n\n  # another \u00e9\n"),
        "a comment beside what is no name": text.policy(before="#log hello\n"),
        "a name that begins with a number sign": text.policy(
            "group #g 2 hu si", quorum="quorum #g"
        ),
        "addresses": text.policy(before=f"log {text.log} https://at.sopro.example\n"),
        "no newline at its end": text.policy(quorum="quorum g"),
        f"{_LINES} lines": most,
        f"{_BYTES} bytes": text.policy(before="# " + "x" * room + "\n"),
    }
    for delta, policy in good.items():
        await trial.accepts("quorum", {"cosigned": 2}, what=delta, policy=policy, **given)
    third = f"witness fr {text.keys[2]}"
    wrong = {
        "nothing": "",
        "no quorum": text.policy(quorum=""),
        "two lines of quorum": text.policy(quorum="quorum g\nquorum g\n"),
        "a quorum nobody gave": text.policy(quorum="quorum h\n"),
        "a quorum of two names": text.policy(quorum="quorum hu si\n"),
        "a line of another kind": text.policy(before="policy 1\n"),
        "a witness without a key": text.policy(before="witness fr\n"),
        "a witness with two addresses": text.policy(
            f"{third} https://a https://b", "group g 2 hu si"
        ),
        "a name given twice": text.policy(f"witness hu {text.keys[2]}", "group g 2 hu si"),
        "a witness called none": text.policy(f"witness none {text.keys[2]}", "group g 2 hu si"),
        "a key given twice": text.policy(f"witness fr {text.keys[0]}", "group g 2 hu si"),
        "a log's key for a witness": text.policy(f"witness it {text.log_key}", "group g 2 hu si"),
        "a witness's key for a log": text.policy(before=f"log {text.keys[3]}\n"),
        "a group of none": text.policy("group g any", quorum="quorum g\n"),
        "a group of whom nobody gave": text.policy("group g 2 hu fr"),
        "a group of who is given behind it": text.policy("group g 2 hu fr", third),
        "a group of itself": text.policy("group g 2 hu g"),
        "a member twice": text.policy("group g 2 hu si hu"),
        "a member of two groups": text.policy("group a any hu", "group g 2 hu si"),
        "none of two": text.policy("group g 0 hu si"),
        "three of two": text.policy("group g 3 hu si"),
        "a number with a zero before": text.policy("group g 02 hu si"),
        "a number with a sign": text.policy("group g +2 hu si"),
        "a carriage return": text.policy(quorum="quorum g\r\n"),
        "a NUL in a comment": text.policy(before="# \x00\n"),
        "a form feed for a blank": text.policy("group g\x0c2 hu si"),
        "a DEL in a comment": text.policy(before="# \x7f\n"),
    }
    for delta, policy in wrong.items():
        await trial.refuses("quorum", _CODE, delta=delta, twin=twin, policy=policy, **given)


@case(
    "CKP-42",
    "The witness policy in force is served in the form that other software reads.",
    clauses="WIT-15 WIT-12 WIT-13",
    profiles="peer",
    verbs="start sync",
)
async def served_policy(trial: Trial) -> None:
    """Publish a policy of three sites, and read what the candidate serves of it."""
    client = await trial.member()
    scene = trial.scene
    peers = [await fresh(trial) for _ in range(3)]
    scene.world.publish_policy([one.code for one in peers])
    await scene.publish()
    await scene.sync(scene.world.coordinator.origin)
    reply = await client.ask(_POLICY)
    expected = "the three witnesses with their keys, of which two are a quorum"
    if reply.status == 404:
        trial.checks.append(Check(_POLICY, Verdict.NOT_APPLICABLE, expected, "it is not served"))
        return
    problem = why_no_policy(reply.body)
    trial.check(
        _POLICY, holds=not problem, expected="a policy (WIT-15)", actual=problem or "as expected"
    )
    keys = {one.witness.name: one.log.keys["witness"].public for one in peers}
    groups = [one for one in read_lines(reply.body) if one[0] == "group"]
    trial.check(
        "what it says",
        holds=dict(read_policy(reply.body)) == keys and [one[2] for one in groups] == ["2"],
        expected=expected,
        actual=f"{sorted(name for name, _ in read_policy(reply.body))}, groups {groups}",
    )


@case(
    "CKP-41",
    "The times of a witness never fall, and it cosigns nothing where its clock is behind.",
    clauses="WIT-6 WIT-3 COS-2",
    profiles="witness",
    verbs="start stop clock",
)
async def clock_behind(trial: Trial) -> None:
    """Put its clock back an hour, half a minute, and right again."""
    asked = await ask_a_witness(trial, 12)
    first = await asked.ask(0, 3)
    before = _time_of(asked.log, first, 3, asked.name, asked.public)
    trial.need(before, f"a fresh log at size 3: {words(first)}")
    try:
        await _set_back(trial, 3600)
        reply = await asked.ask(3, 5)
        held = await asked.held()
        trial.check(
            "its clock is an hour behind",
            holds=reply.status == 503 and held is not None and held.size == 3,
            expected="503, and it still shows the head at size 3",
            actual=f"{words(reply)[:120]}, then size {held.size if held else 'nothing'}",
        )
        await _set_back(trial, 30)
        reply = await asked.ask(3, 5)
        time = _time_of(asked.log, reply, 5, asked.name, asked.public)
        trial.check(
            "its clock is half a minute behind",
            holds=reply.status == 503 or (reply.status == 200 and time >= before),
            expected="a time that is not before that of the last, or 503",
            actual=f"{reply.status}, time {time - before:+d} s" if time else words(reply)[:120],
        )
    finally:
        await _set_back(trial, 0)
    reply = await asked.ask(5 if reply.status == 200 else 3, 7)
    time = _time_of(asked.log, reply, 7, asked.name, asked.public)
    trial.need(time >= before, f"its clock is right again: {words(reply)[:120]}")


async def _set_back(trial: Trial, seconds: int) -> None:
    await trial.scene.ask("stop")
    await trial.scene.ask("clock", offset=-seconds)
    await trial.scene.ask("start")


def _time_of(log: SiteLog, reply: Reply, size: int, name: str, public: bytes) -> int:
    """Return when a witness says to have cosigned a head; 0 where it has not."""
    if reply.status != 200:
        return 0
    text = write_text(log.origin, size, log.tree.root(size))
    return cosigned_at(read_checkpoint(f"{text}\n".encode() + reply.body), name, public) or 0
