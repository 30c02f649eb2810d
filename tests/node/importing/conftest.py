from pathlib import Path

import pytest

from sopro_node.criteria import read_criteria
from sopro_node.importing.fields import Kind
from sopro_node.importing.planning import Call
from sopro_node.office import publish_criteria
from tests.node.conftest import Federation
from tests.node.importing.sources import (
    DECISIONS,
    OFFERINGS,
    ORGANISATIONS,
    FakeOffice,
    Told,
    over_msgpack,
)

SETS = Path(__file__).parents[2] / "scenarios" / "criteria.toml"
PEOPLE = "no,name,place,land,since\n1,Erste,Graz,AT,01.02.2020\n"
THINGS = "no,org,name\na,1,Sessel\nb,1,Tisch\n"
LIVES = "no,n,status,at\na,1,granted,2026-01-31T23:00:00Z\n"


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


@pytest.fixture
def office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture
async def call(federation: Federation, told: Told) -> Call:
    """A site that has taken over a label on one of two things, and knows one assessor."""
    eeig = await federation.coordinator()
    await publish_criteria(eeig.node, read_criteria(SETS))
    one = over_msgpack((await federation.join("at", "AT")).node)
    for kind, text, mapping in (
        (Kind.ORGANISATIONS, PEOPLE, ORGANISATIONS),
        (Kind.OFFERINGS, THINGS, OFFERINGS),
        (Kind.DECISIONS, LIVES, DECISIONS),
    ):
        assert (await told.run(one, kind, text, mapping)).bad == 0, told.lines
    right = {"name": "Maria Huber", "basis": "iso17065", "valid_from": "2026-01-01",
             "valid_until": "2099-12-31", "new_person": True}  # fmt: skip
    await one("act", {"act": "assessor.authorise", "told": right})
    return one
