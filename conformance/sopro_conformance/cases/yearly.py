"""LBL-29: decisions are counted in the year from which they hold."""

from sopro_conformance.case import case
from sopro_conformance.cases.counted import statistics
from sopro_conformance.cases.staged import fresh
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.scene import Peer

_COUNTED = {
    "2024": {"grant": 1},
    "2025": {"grant": 1, "refuse": 1, "revoke": 1},
    "2026": {"correct": 1, "grant": 1, "suspend": 1},
    "unknown": {"grant": 1},
}
"""What `_decide` decides, without what is void."""


@case(
    "LBL-29",
    "Decisions are counted by action, in the year from which they hold or in none.",
    clauses="LBL-21 LBL-27 LBL-29",
    profiles="coordinator",
    verbs="start sync",
)
async def years(trial: Trial) -> None:
    """Decide in three years and without a day, and compare the figures."""
    await trial.member()
    peer = await fresh(trial)
    _decide(trial.scene.world, peer)
    code = await trial.scene.catches_up(peer)
    trial.need(not code, f"a peer is not mirrored ({code})")
    for day in ("2024-01-01", "2026-03-15"):
        found = await statistics(trial, f"/api/v1/statistics?at={day}")
        said = {one.get("site"): one.get("decisions_by_year") for one in found["sites"]}
        trial.check(
            f"decisions by year, asked on {day}",
            holds=said.get(peer.code) == _COUNTED,
            expected=str(_COUNTED),
            actual=str(said.get(peer.code)),
        )


def _decide(world: World, peer: Peer) -> None:
    """Import three labels, end one of them, grant one, and suspend that twice.

    And refuse something, on another day than is written down first.
    """
    log = peer.log
    for day in ("2024-12-31", "2025-01-01", ""):
        number = world.number(log)
        dated: dict[str, Value] = {"effective_date": day} if day else {}
        offering = world.offer(log)
        body: dict[str, Value] = {
            "action": "grant",
            "basis": "imported",
            "certificate": number,
            "offering": offering,
            "scheme": "sopro",
            "status_index": log.grants,
        }
        granted = log.append("label_decision/1", body | dated)
        log.grants += 1
        if day.startswith("2025"):
            ended = {"action": "revoke", "basis": "imported", "certificate": number} | dated
            log.append("label_decision/1", ended, entity=granted.entity)
    number = world.number(log)
    granted = world.grant(log, number)
    for _ in range(2):
        # The second is void: it is suspended already.
        body = world.decision("suspend", number)
        log.append("label_decision/1", body, entity=granted.entity)
    body = world.decision("refuse", "", offering=world.offer(log), scheme="sopro")
    del body["certificate"]
    refused = log.append("label_decision/1", body)
    body = world.decision("correct", "", corrects=refused.position, refused_on="2025-12-31")
    del body["certificate"]
    log.append("label_decision/1", body, entity=refused.entity)
    log.state(world.coordinator)
