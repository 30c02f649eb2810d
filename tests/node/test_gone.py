"""A site that has gone cannot take its labels' certificates away."""

from sopro_node import certificate_desk, memberships, office
from sopro_node.found import COORDINATOR
from sopro_registry.verdict import Verdict
from tests.node.conftest import Federation, grant, until

ORIGIN = "sopro.example/at/1"


async def test_what_is_written_after_the_end_keeps_no_certificate_from_anybody(
    federation: Federation,
) -> None:
    """Nobody cosigns it any more, and a certificate waits for cosignatures."""
    coordinator = await federation.coordinator()
    at = await federation.join("at", "AT")
    hu = await federation.join("hu", "HU")
    values = {"witnesses": [COORDINATOR, "hu"], "faulty": 0}
    await office.publish_policy(coordinator.node, values)
    number, _ = await grant(at.node)
    size = at.node.log.held.size

    def is_witnessed() -> bool:
        logs = [one.node.holdings.logs[ORIGIN] for one in (coordinator, hu)]
        return all(one.witnessed_size == one.signed_size == size for one in logs)

    await until(is_witnessed)
    await memberships.set_membership(coordinator.node, {"site": "at", "status": "expelled"})
    await until(lambda: hu.node.holdings.directory.endings(ORIGIN))
    await at.node.log.append_state()
    await until(lambda: hu.node.holdings.logs[ORIGIN].signed_size > size)
    made = await certificate_desk.certificate(hu.node, {"number": number})
    judged = await certificate_desk.judge(hu.node, made["content"], day=hu.node.desk.today())
    assert (judged.verdict, judged.is_witnessed) == (Verdict.VALID, True), judged.why
    assert judged.opened is not None
    assert (judged.opened.size, judged.opened.covers_end) == (size, True)
