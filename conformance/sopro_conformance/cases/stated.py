"""MEM-28: what a coordinator says of its members, so that they can put another in its place."""

from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.admitting import council
from sopro_conformance.trial import Trial
from sopro_conformance.world.succession import digest_of


@case(
    "MEM-28",
    "A coordinator says in every batch who its members are.",
    clauses="SUCC-1",
    profiles="coordinator",
    verbs="start admit",
    apart=True,
)
async def states_members(trial: Trial) -> None:
    """Have two sites admitted, and compute from its log what every log_state has to say."""
    async with council(trial) as held:
        for code in ("na", "nb"):
            site = await held.new_applicant(code)
            position = site.state(site.statement(await held.challenge(site)))
            admitted = await held.admit(site, position)
            trial.need(admitted.ok is not None, f"a site is not admitted: {admitted.words}")

        async def are_admitted() -> bool:
            return all([await held.membership(code) for code in ("na", "nb")])

        await trial.within(are_admitted, 10, "the memberships are in the coordinator's log")

        async def is_ended() -> bool:
            await held.client.read()
            return held.client.records()[-1].get("family") == "log_state/1"

        await trial.within(is_ended, 10, "its log ends with a log_state")
        members: dict[str, dict[str, Any]] = {}
        counts = set()
        for position, record in enumerate(held.client.records()):
            if record.get("family") == "site_membership/1":
                members[record["body"]["site"]] = record["body"]
            if record.get("family") != "log_state/1":
                continue
            voters = [
                {"origin": one["origin"], "root": one["root"]}
                for one in members.values()
                if one["status"] == "admitted"
            ]
            counts.add(len(voters))
            voters.sort(key=lambda one: str(one["origin"]))
            said = record["body"].get("members")
            trial.check(
                f"the log_state at {position}, with {len(voters)} members",
                holds=said == digest_of(voters),
                expected="the digest of who is admitted before it",
                actual="none" if said is None else said.hex()[:16],
            )
        trial.need({0, 2} <= counts, "no log_state stands before and behind the admissions")
