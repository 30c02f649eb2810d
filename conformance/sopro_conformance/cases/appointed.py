"""MEM-40: a coordinator whose members have appointed another takes no request."""

import asyncio

from sopro_conformance.case import case
from sopro_conformance.cases.admitting import code_of, council
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.applicant import Applicant, Council
from sopro_conformance.world.client import Reply, words


@case(
    "MEM-40",
    "A coordinator in whose place members have put another takes no request for admission.",
    clauses="JOIN-3 SUCC-2 SUCC-6",
    profiles="coordinator",
    verbs="start admit",
    apart=True,
)
async def replaced(trial: Trial) -> None:
    """Have one of two members appoint a successor, and then the other as well."""
    async with council(trial) as held:
        members = [await _admitted(trial, held, code) for code in ("na", "nb")]
        site = await held.new_applicant("nc")
        await _are_mirrored(trial, held, members)
        head = await held.client.read()
        body: dict[str, Value] = {
            "origin": held.client.origin,
            "root": head.root,
            "size": head.size,
            "successor": SigningKey(trial.random.randbytes(32)).public,
            "urls": ["http://127.0.0.1:9"],
        }
        for number, one in enumerate(members):
            one.log.append("anchor/1", body)
            one.log.state()
            await one.server.announce(one.log)
            await _are_mirrored(trial, held, members)
            reply = await held.ask(site.request())
            if not number:
                trial.need(reply.status == 200, f"one of two has appointed: {words(reply)}")
        reply = await _refused(trial, held, site)
        trial.check(
            "both members have appointed another",
            holds=reply.status >= 400 and code_of(reply) == "fence.forked",
            expected="refused fence.forked",
            actual=words(reply),
        )


async def _admitted(trial: Trial, held: Council, code: str) -> Applicant:
    """Return a new member."""
    site = await held.new_applicant(code)
    answer = await held.admit(site, site.state(site.statement(await held.challenge(site))))
    trial.need(answer.ok is not None, f"a right request is not admitted: {answer.words}")
    return site


async def _are_mirrored(trial: Trial, held: Council, members: list[Applicant]) -> None:
    async def are_held() -> bool:
        heads = [
            await held.client.ask("/log/" + one.log.origin.split("/", 1)[1] + "/checkpoint")
            for one in members
        ]
        lines = [reply.body.split(b"\n")[:3] for reply in heads]
        return lines == [one.log.checkpoint().split(b"\n")[:3] for one in members]

    await trial.within(are_held, 30, "the coordinator mirrors its members' logs")


async def _refused(trial: Trial, held: Council, site: Applicant) -> Reply:
    """Ask until the request is refused, since what a log says may be counted a moment later."""
    reply = await held.ask(site.request())
    for _ in range(int(100 * trial.candidate.deadline)):
        if reply.status != 200:
            break
        await asyncio.sleep(0.1)
        reply = await held.ask(site.request())
    return reply
