import pytest

from tests.registry.world import World, bytes16


def test_ends_what_comes_from_an_existing_register(world: World) -> None:
    assert world.at.decide("grant", basis="imported").code is None
    body = {"effective_date": "2026-06-01"}
    assert world.at.write("import_closed/1", body, entity=bytes16("closed")).code is None
    assert world.at.would_decide("revoke", basis="imported").code == "lbl.imported"
    other = {"label": "other", "certificate": world.at.number(2)}
    assert world.at.would_decide("grant", basis="imported", **other).code == "lbl.imported"
    assert world.at.would_decide("grant", **other, status_index=1).code is None
    assert world.at.decide("revoke").code is None
    # Another site goes on, and nothing opens it again.
    assert world.hu.decide("grant", basis="imported").code is None
    assert world.at.write("import_closed/1", body, entity=bytes16("again")).code is None
    assert world.at.would_decide("grant", basis="imported", **other).code == "lbl.imported"


@pytest.mark.parametrize(
    ("date", "code"), [("2026-06-01", None), ("2026-06-31", "rec.body"), ("soon", "rec.body")]
)
def test_refuses(world: World, date: str, code: str | None) -> None:
    body = {"effective_date": date}
    assert world.at.judge("import_closed/1", body, entity=bytes16("closed")).code == code
