"""Who did what on the command line: the user of the system, or the officer of `sopro --as`."""

import getpass
import json
from pathlib import Path
from typing import Any

import pytest

from sopro_cli.serving import go_alone
from sopro_node.node import Node
from tests.cli.place import ANNA, GRANTED, Place, sopro

HOLDER = ("--legal-name", "Muster GmbH", "--country", "AT")


@pytest.fixture(autouse=True)
def _as_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)


def trail(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads(sopro("officer", "trail", folder, "--json").stdout))


def add(place: Place, name: str, *roles: str) -> dict[str, Any]:
    named = [word for role in roles for word in ("--role", role)]
    more = (*named, "--new-person", name, "--json")
    return dict(json.loads(sopro("officer", "add", place.at, name, *more).stdout))


def test_the_trail_names_the_user_of_the_system(place: Place) -> None:
    sopro("organisation", "add", place.at, *HOLDER)
    last = trail(place.at)[0]
    assert (last["officer"], last["action"]) == (getpass.getuser(), "organisation.add")
    assert last["remote"] == f"command line, {getpass.getuser()}"
    said = sopro("officer", "trail", place.at, "--limit", "1").stdout
    assert getpass.getuser() in said
    assert "from command line" in said


def test_who_became_another_user_is_named_by_their_own_name(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "anna")
    add(place, "Maria", "assessor")
    [last, *_] = trail(place.at)
    assert (last["officer"], last["action"]) == ("anna", "officer.add Maria")


def test_an_officer_acts_in_their_roles_and_with_their_pseudonym(place: Place) -> None:
    anna = add(place, "Anna Gruber", "decider")
    suspend = ("decide", place.at, "suspend", GRANTED, "--reason", "other")
    more = ("--suspended-until", "2099-01-01")
    sopro("--as", "Anna Gruber", *suspend, *more)
    last = trail(place.at)[0]
    assert (last["officer"], last["person"]) == ("Anna Gruber", anna["person"])
    assert last["remote"] == f"command line, {getpass.getuser()}"
    refused = sopro("--as", "Anna Gruber", "organisation", "add", place.at, *HOLDER, code=1)
    assert "this is for the role registrar, Anna Gruber is decider" in refused.stderr
    other = sopro(
        "--as",
        "Anna Gruber",
        *suspend,
        *more,
        "--decider",
        "Josef",
        "--new-person",
        "Josef",
        code=1,
    )
    assert "somebody else is named" in other.stderr


def test_nobody_acts_as_an_officer_who_is_none(place: Place) -> None:
    add(place, "Maria", "registrar")
    sopro("officer", "revoke", place.at, "Maria")
    for name in ("Maria", "Nobody"):
        refused = sopro("--as", name, "organisation", "add", place.at, *HOLDER, code=1)
        assert f"no officer '{name}' at this site; known: none" in refused.stderr


def test_what_is_no_act_is_on_the_trail_too(place: Place) -> None:
    holder = sopro("organisation", "add", place.at, *HOLDER).stdout.strip()
    sopro("erase", place.at, holder, "--reason", "request")
    last = trail(place.at)[0]
    assert (last["officer"], last["action"]) == (getpass.getuser(), "erase")
    assert last["index"] is not None
    sopro("members", "suspend", place.eeig, "at")
    assert trail(place.eeig)[0]["action"] == "set_membership at"


def test_relations_are_on_the_trail_as_an_act(place: Place) -> None:
    one, other = [sopro("organisation", "add", place.at, *HOLDER).stdout.strip() for _ in range(2)]
    sopro("organisation", "relate", place.at, one, "part_of", other)
    assert trail(place.at)[0]["action"] == "organisation.relate"


def test_an_import_is_closed_and_nothing_else_is_said_with_it(place: Place) -> None:
    refused = sopro("import", place.at, "firms.csv", "--close", code=2)
    assert "--close stands with the site's directory alone" in " ".join(refused.stderr.split())
    assert "the import is closed: entry" in sopro("import", place.at, "--close").stdout
    assert trail(place.at)[0]["action"] == "import.close"


def test_files_go_with_a_decision(place: Place, tmp_path: Path) -> None:
    report, empty = tmp_path / "Huber.txt", tmp_path / "empty.txt"
    report.write_text("What we saw")
    empty.write_text("")
    suspend = ("decide", place.at, "suspend", GRANTED, "--reason", "other")
    more = ("--suspended-until", "2099-01-01")
    given = ("--document", f"report={report}", "--visibility", "members")
    done = json.loads(sopro(*suspend, *more, *given, *ANNA, "--json").stdout)
    with place.database() as database:
        rows = database.execute(
            "SELECT content FROM document WHERE position = ?", (done["index"],)
        ).fetchall()
    assert rows == [(b"What we saw",)]
    told = sopro(*suspend, *more, *ANNA, "--document", empty, code=65).stderr
    assert "is empty; a document has at least one byte" in told
    missing = sopro(*suspend, *more, "--document", "report=gone.pdf", code=65).stderr
    assert "gone.pdf: cannot be read" in missing
    parties = sopro(*suspend, *more, *given, "--party", "hu", code=2).stderr
    assert "--party stands with" in parties


def test_no_question_is_mistaken_for_who_asks(place: Place) -> None:
    asked = json.loads(sopro("check", GRANTED, "--dir", place.at, "--json").stdout)
    assert asked["by"] == "number"


def test_a_label_is_handed_over_by_the_officer_who_acts(place: Place) -> None:
    add(place, "Anna Gruber", "decider")
    add(place, "Eva Moser", "registrar")
    out = ("transfer", "out", place.at, GRANTED, "--to", "hu")
    refused = sopro("--as", "Eva Moser", *out, code=1)
    assert "this is for the role decider, Eva Moser is registrar" in refused.stderr
    other = sopro(
        "--as", "Anna Gruber", *out, "--decider", "Josef", "--new-person", "Josef", code=1
    )
    assert "somebody else is named" in other.stderr


def test_who_asks_as_an_officer_is_told_what_that_officer_may_know(place: Place) -> None:
    add(place, "Maria Huber", "assessor")
    add(place, "Ida Wolf", "administrator")
    for asked in (("officer", "list"), ("officer", "trail"), ("officer", "show")):
        words = (*asked, place.at, *(["Ida Wolf"] if asked[1] == "show" else []))
        refused = sopro("--as", "Maria Huber", *words, code=1)
        assert "administrator, Maria Huber is assessor" in refused.stderr
        assert "Ida Wolf" not in refused.stdout
        assert "Ida Wolf" in sopro("--as", "Ida Wolf", *words).stdout
    for asked in (
        ("complaint", "list"),
        ("application", "list"),
        ("assessor", "list"),
        ("status",),
    ):
        sopro("--as", "Maria Huber", *asked, place.at)
        refused = sopro("--as", "Nobody", *asked, place.at, code=1)
        assert "no officer 'Nobody' at this site" in refused.stderr


async def test_who_opens_a_log_alone_is_named(place: Place) -> None:
    node = await Node.open(place.at)
    try:
        await go_alone(node, "nobody can be asked")
        [last] = node.reader.accounts.trail(before=2**53, limit=1)
    finally:
        await node.close()
    assert (last.officer, last.action) == (getpass.getuser(), "alone")


def test_an_import_is_that_of_the_officer_who_acts(place: Place, tmp_path: Path) -> None:
    add(place, "Anna Gruber", "decider")
    eva = add(place, "Eva Moser", "registrar")
    path = tmp_path / "firms.csv"
    path.write_text("key,legal_name,country,actor_type\n1,Erste,AT,enterprise\n")
    words = ("import", place.at, path, "--as", "organisations")
    for more in ((), ("--dry-run",)):
        refused = sopro("--as", "Anna Gruber", *words, *more, code=1)
        assert "this is for the role registrar, Anna Gruber is decider" in refused.stderr
    sopro("--as", "Eva Moser", *words)
    last = trail(place.at)[0]
    assert (last["officer"], last["person"]) == ("Eva Moser", eva["person"])
    assert last["action"].startswith("import firms.csv --as organisations, SHA-256 ")
