"""MEM-10 and MEM-11: the candidate is the coordinator, and sites ask it for admission."""

import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeAlias

from sopro_conformance.adapter import Adapter
from sopro_conformance.case import Check, Verdict, case
from sopro_conformance.plain import read_json
from sopro_conformance.trial import Trial
from sopro_conformance.wire.edwards import LOW_ORDER
from sopro_conformance.wire.records import entry_id
from sopro_conformance.world.applicant import Applicant, Council
from sopro_conformance.world.client import Reply, wait_until, words
from sopro_conformance.world.scene import organisation

_DAY: Final = 86_400_000
_VERBS: Final = "start admit"


@asynccontextmanager
async def council(trial: Trial) -> AsyncIterator[Council]:
    """Have another candidate coordinate a federation of its own."""
    adapter = Adapter(trial.candidate.command, trial.candidate.deadline)
    held = Council(adapter, trial.random)
    await adapter.open()
    try:
        await held.open()
        yield held
    finally:
        await held.close()
        await adapter.close()


State: TypeAlias = Callable[[Applicant, bytes], int | None]
"""Appends a statement that answers a challenge, with one thing wrong; returns where it lies."""


class Wrong(NamedTuple):
    """A statement with one thing wrong.

    Attributes:
        delta: what.
        code: by which the admission is refused; several, separated by spaces.
        state: writes it.
    """

    delta: str
    code: str
    state: State


def _stated(**changes: Any) -> State:
    return lambda site, nonce: site.state(site.statement(nonce, **changes))


def _early(site: Applicant, nonce: bytes) -> int:
    body = site.statement(nonce)
    long_ago = int(str(body["began"])) - _DAY
    return site.state(body | {"began": long_ago, "ended": long_ago + 1000})


def _late(site: Applicant, nonce: bytes) -> int:
    body = site.statement(nonce)
    later = int(str(body["began"])) + 8 * _DAY
    return site.state(body | {"began": later, "ended": later + 1000})


def _unended(site: Applicant, nonce: bytes) -> int:
    body = site.statement(nonce)
    years = int(str(body["ended"])) + 3650 * _DAY
    until = time.strftime("%Y-%m-%d", time.gmtime(years / 1000))
    return site.state(body | {"ended": years, "valid_until": until})


def _of_another_log(site: Applicant, nonce: bytes) -> int:
    origin = site.log.origin.replace(f"/{site.code}/", "/zz/")
    return site.state(site.statement(nonce), log=origin)


def _another_record(site: Applicant, _nonce: bytes) -> int:
    written = site.log.append("organisation/1", organisation(site.code))
    site.log.state()
    return written.position


def _broken(site: Applicant, nonce: bytes) -> int:
    position = site.state(site.statement(nonce))
    entry = site.log.entries[position]
    written = site.log.append_entry(entry[:-1] + bytes([entry[-1] ^ 1]))
    site.log.state()
    return written.position


_WAIVED: Final = {
    "counts": {"not_applicable": 0, "passed": 89, "waived": 1, "warned": 0},
    "waivers": [{"case": "ENC-02", "reason": "our library is old"}],
}
_NOTHING: Final = {"not_applicable": 0, "passed": 0, "waived": 0, "warned": 0}
_WRONG: Final = (
    Wrong("no statement", "conf.missing", lambda _site, _nonce: None),
    Wrong("a record that is none", "conf.missing", _another_record),
    Wrong(
        "a challenge that nobody gave",
        "conf.nonce",
        lambda site, _nonce: site.state(site.statement(site.source.randbytes(32))),
    ),
    Wrong("a run of the day before its challenge", "conf.nonce", _early),
    Wrong("a run eight days after its challenge", "conf.nonce", _late),
    Wrong("a run that has not ended yet", "conf.dates", _unended),
    Wrong("a run in which nothing passed", "conf.form", _stated(counts=_NOTHING)),
    Wrong("a profile that is too little", "conf.profile", _stated(profiles=["reader"])),
    Wrong("a case waived that nobody allows", "conf.waiver", _stated(**_WAIVED)),
    Wrong("a waived case that is not counted", "conf.form", _stated(waivers=_WAIVED["waivers"])),
    Wrong("in force for years", "conf.dates", _stated(valid_until="2099-01-01")),
    Wrong("a last day that is none", "rec.body", _stated(valid_until="2027-02-30")),
    Wrong("a record of another log", "hos.replay", _of_another_log),
    Wrong("a signature that is broken", "sig.invalid", _broken),
    Wrong(
        "signed with a witness key",
        "sig.role",
        lambda site, nonce: site.state(site.statement(nonce), signers=[site.log.keys["witness"]]),
    ),
)


def _codes() -> list[str]:
    return [f"s{one}{two}" for one, two in itertools.product("abcdef", "abcdefgh")]


@case(
    "MEM-10",
    "A coordinator admits on a statement that it has verified, and on no other.",
    clauses="CONF-1 CONF-2 CONF-4 CONF-5 CONF-6",
    profiles="coordinator",
    verbs=_VERBS,
    apart=True,
)
async def statements(trial: Trial) -> None:
    """Hand in statements with one thing wrong, each beside one that is right."""
    async with council(trial) as held:
        codes = iter(_codes())
        others = await held.new_applicant(next(codes))
        foreign = await held.challenge(others)
        borrowed = Wrong(
            "the challenge of another site",
            "conf.nonce",
            lambda site, _nonce: site.state(site.statement(foreign)),
        )
        for wrong in (*_WRONG, borrowed):
            await _refuses(trial, held, await held.new_applicant(next(codes)), wrong)


async def _refuses(trial: Trial, held: Council, site: Applicant, wrong: Wrong) -> None:
    position = wrong.state(site, await held.challenge(site))
    answer = await held.admit(site, position)
    after = await held.membership(site.code)
    good = site.state(site.statement(await held.challenge(site)))
    twin = await held.admit(site, good)
    named: dict[str, Any] = {}

    async def is_named() -> bool:
        nonlocal named
        named = await held.membership(site.code)
        return bool(named)

    if twin.ok is not None:
        await wait_until(is_named, within=10 * trial.candidate.deadline)
    is_cited = named.get("conformance") == entry_id(site.log.entries[good])
    if answer.ok is not None or after:
        verdict = trial.failed  # whatever became of the twin, which is a member by then
    elif twin.ok is None or answer.error:
        verdict = Verdict.NOT_MEASURED
    elif answer.code not in wrong.code.split() or not is_cited:
        verdict = trial.failed
    else:
        verdict = Verdict.PASS
    said = answer.words + (f", and admitted: {after.get('status')}" if after else "")
    cited = "its entry id in the membership" if is_cited else "its entry id not in the membership"
    trial.checks.append(
        Check(
            wrong.delta,
            verdict,
            f"refused {wrong.code}, nobody admitted; the twin's entry id in the membership",
            said,
            f"a right statement: {twin.words}, {cited}",
        )
    )


@case(
    "MEM-11",
    "A coordinator guards keys and names.",
    clauses="JOIN-1 JOIN-2 JOIN-4 KEY-3 KEY-6",
    profiles="coordinator",
    verbs=_VERBS,
    apart=True,
)
async def keys_and_names(trial: Trial) -> None:
    """Ask for admission with what is somebody else's, or nobody's."""
    async with council(trial) as held:
        member = await held.new_applicant("ma")
        position = member.state(member.statement(await held.challenge(member)))
        admitted = await held.admit(member, position)
        trial.need(admitted.ok is not None, f"a right request is not admitted: {admitted.words}")
        site = await held.new_applicant("mb")
        other = await held.new_applicant("mc")
        stranger = other.log.keys["root"]
        federation = site.log.origin.split("/", maxsplit=1)[0]
        requests = {
            "a root key of low order": (site.request(root=sorted(LOW_ORDER)[0]), "sig.weak-key"),
            "signed by another key": (site.request(stranger), "sig.invalid"),
            "the code of a member": (
                site.request(site="ma", origin=f"{federation}/ma/1"),
                "mem.name",
            ),
            "the log of another site": (site.request(origin=other.log.origin), "mem.name"),
            "another federation": (site.request(origin=f"other.example/{site.code}/1"), "mem.name"),
            "the coordinator's code": (
                site.request(site="eu", origin=f"{federation}/eu/1"),
                "mem.name",
            ),
            "the root key of a member": (
                site.request(member.log.keys["root"], root=member.log.keys["root"].public),
                "mem.key",
            ),
            "what is no request": (b"\x00", "mem.format enc.framing enc.type"),
        }
        for delta, (request, code) in requests.items():
            reply = await held.ask(request)
            trial.check(
                delta,
                holds=400 <= reply.status < 500 and code_of(reply) in code.split(),
                expected=f"4xx {code}",
                actual=words(reply),
            )
        twin = await held.ask(site.request())
        trial.check(
            "the same site's right request",
            holds=twin.status == 200,
            expected="200",
            actual=words(twin),
        )
        await _borrowed_key(trial, held, member)


async def _borrowed_key(trial: Trial, held: Council, member: Applicant) -> None:
    """Name a member's decision key in another site's log (JOIN-4)."""

    async def is_known() -> bool:
        prefix = "/log/" + member.log.origin.split("/", 1)[1]
        return (await held.client.ask(f"{prefix}/checkpoint")).status == 200

    known = await wait_until(is_known, within=30 * trial.candidate.deadline)
    trial.need(known, "the coordinator does not mirror a member's log")
    site = await held.new_applicant("md")
    site.log.keys["decision"] = member.log.keys["decision"]
    site.log.name_keys()
    site.log.state()
    position = site.state(site.statement(await held.challenge(site)))
    answer = await held.admit(site, position)
    trial.check(
        "a key of a member among its keys",
        holds=answer.code == "mem.key",
        expected="refused mem.key",
        answer=answer,
    )


def code_of(reply: Reply) -> str:
    """Return the code of a problem document; empty for what is none."""
    try:
        found = read_json(reply.body, "a refusal")
    except ValueError:
        return ""
    return str(found.get("code", "")) if isinstance(found, dict) else ""
