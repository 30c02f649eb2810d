"""A dry run says what an import would, and changes nothing."""

from sopro_node.drafting import Draft
from sopro_node.importing.fields import Kind
from tests.node.conftest import Federation
from tests.node.importing.sources import (
    DECISIONS,
    OFFERINGS,
    ORGANISATIONS,
    Told,
    counts,
    over_msgpack,
)
from tests.node.importing.test_run import LIVES, PEOPLE, THINGS


async def test_says_what_the_import_says_and_changes_nothing(
    federation: Federation, told: Told
) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    call = over_msgpack(node)
    later = "b,12,lost,2022-01-01T00:00:00Z\nb,13,suspended,2023-01-01T00:00:00Z\nc,9,granted,x\n"
    lives = LIVES + later
    files = (
        (Kind.ORGANISATIONS, PEOPLE + "3,,Wien,AT,\n", ORGANISATIONS),
        (Kind.OFFERINGS, THINGS + "d,77,Nichts\n", OFFERINGS),
        (Kind.DECISIONS, lives, DECISIONS),
    )
    for one in files:
        size, root = node.log.held.size, node.log.held.tree.root()
        dry = counts(await told.run(call, *one, is_dry=True))
        assert (node.log.held.size, node.log.held.tree.root()) == (size, root)
        assert not told.bad.exists()
        assert told.report is not None
        said = (told.lines.copy(), told.report.troubles, told.report.reasons)
        said[0][:] = [line.replace(f"source{told.number}", "source") for line in said[0]]
        wet = counts(await told.run(call, *one))
        assert dry == wet
        assert node.log.held.size > size
        lines = [line.replace(f"source{told.number}", "source") for line in told.lines]
        assert said == (lines, told.report.troubles, told.report.reasons)
    assert any("cannot suspend a label that is revoked" in line for line in told.lines)
    assert counts(await told.run(call, *files[0], is_dry=True)) == (0, 2, 0, 1)


async def test_what_was_rehearsed_leaves_no_trace_in_what_is_appended_next(
    federation: Federation, told: Told
) -> None:
    await federation.coordinator()
    node = (await federation.join("at", "AT")).node
    draft = Draft(
        "organisation",
        {
            "actor_type": "funder",
            "country": "AT",
            "effective_date": "2026-01-01",
            "status": "active",
        },
        entity=bytes(15) + b"\1",
    )
    wrong = Draft("organisation", {"actor_type": "funder"})
    outcomes = await node.log.rehearse([draft, wrong, draft])
    assert [type(one).__name__ for one in outcomes] == ["Appended", "FormatError", "Appended"]
    assert node.reader.entity(1, bytes(15) + b"\1") is None
    appended = await node.log.append(draft)
    first = outcomes[0]
    assert getattr(first, "index", None) == appended.index
    assert getattr(first, "entry_id", None) != appended.entry_id
