"""Complaints and their answers, appeals and their panels, on the command line."""

import json
from pathlib import Path
from typing import Any

from tests.cli.place import GRANTED, REVOKED, Place, sopro

ABOUT = ("--kind", "misuse", "--received-on", "2026-10-01")
DAY = ("--effective", "2026-10-02")


def complaints(place: Place) -> list[dict[str, Any]]:
    return list(json.loads(sopro("complaint", "list", place.at, "--json").stdout))


def appeals(place: Place) -> list[dict[str, Any]]:
    return list(json.loads(sopro("appeal", "list", place.at, "--json").stdout))


def test_a_complaint_is_answered_step_by_step(place: Place) -> None:
    sopro("complaint", "add", place.at, GRANTED, *ABOUT, "--text", "Maria has seen it")
    [one] = complaints(place)
    assert (one["certificate"], one["site"], one["step"]) == (GRANTED, "at", "received")
    where = (one["origin"], one["index"])
    result = sopro("complaint", "answer", place.at, *where, "acknowledged", *DAY, code=2)
    assert "say who answers with --by" in result.stderr
    sopro("officer", "add", place.at, "Ida", "--role", "registrar", "--new-person", "Ida")
    for step in ("acknowledged", "investigating", "upheld", "closed"):
        sopro("complaint", "answer", place.at, *where, step, *DAY, "--by", "Ida")
        assert [one["step"] for one in complaints(place)] == [step]
    by_name = complaints(place)[0]["answered_by"]
    officers = json.loads(sopro("officer", "list", place.at, "--json").stdout)
    assert [one["person"] for one in officers] == [by_name]
    result = sopro("complaint", "answer", place.at, *where, "upheld", *DAY, "--by", "Ida", code=1)
    assert "cannot become upheld where it is closed" in result.stderr
    assert sopro("complaint", "list", place.at).stdout.endswith(f"{GRANTED}  misuse  closed\n")
    assert b"Maria has seen it" not in sopro("audit", place.at).stdout_bytes


def test_what_a_complaint_says_is_read(place: Place, tmp_path: Path) -> None:
    photo, letter = tmp_path / "huber.png", tmp_path / "letter.txt"
    photo.write_bytes(b"\x89PNG chair")
    letter.write_text("Dear site\nMaria Huber")
    files = ("--document", f"Huber={photo}", "--document", f"letter={letter}")
    sopro("complaint", "add", place.at, GRANTED, *ABOUT, "--text", "Maria\nsaw it", *files)
    [one] = complaints(place)
    where = (one["origin"], one["index"])
    shown = sopro("complaint", "show", place.at, *where).stdout.splitlines()
    assert shown[0] == f"{GRANTED}  misuse  received 2026-10-01  received"
    assert shown[2:4] == ["    text: Maria", "      saw it"]
    assert shown[4].endswith("1  Huber  image/png  10 bytes  site")
    told = json.loads(sopro("complaint", "show", place.at, *where, "--json").stdout)
    assert told["records"][0]["documents"][0]["fields"] == {"text": "Maria\nsaw it"}
    assert sopro("document", "show", place.at, *where, 0).stdout == "text: Maria\n  saw it\n"
    assert sopro("document", "show", place.at, *where, 2).stdout == "Dear site\nMaria Huber\n"
    result = sopro("document", "show", place.at, *where, 1, code=65)
    assert "Huber: 10 bytes of image/png are no text; save them with --out FILE" in result.stderr
    saved = tmp_path / "saved.png"
    sopro("document", "show", place.at, *where, 1, "--out", saved)
    assert saved.read_bytes() == photo.read_bytes()
    result = sopro("document", "show", place.at, *where, 1, "--out", saved, code=65)
    assert "is there already" in result.stderr
    result = sopro("document", "show", place.at, *where, 9, code=1)
    assert "no document 9 of entry" in result.stderr
    lines = json.loads(sopro("officer", "trail", place.at, "--json").stdout)
    assert [line["action"] for line in lines if "document.read" in line["action"]] == [
        *("document.read 1", "document.read 1", "document.read 2"),
        *("document.read 0", "document.read 0", "document.read 0"),
    ]  # fmt: skip


def test_an_administrator_reads_no_complaint(place: Place) -> None:
    sopro("complaint", "add", place.at, GRANTED, *ABOUT, "--text", "Maria has seen it")
    [one] = complaints(place)
    sopro("officer", "add", place.at, "Eva", "--role", "administrator", "--new-person", "Eva")
    as_eva = ("--as", "Eva")
    where = (place.at, one["origin"], one["index"])
    shown = sopro(*as_eva, "complaint", "show", *where).stdout
    assert GRANTED in shown
    assert "Maria" not in shown
    result = sopro(*as_eva, "document", "show", *where, 0, code=1)
    assert "is here for you to read" in result.stderr


def test_the_grounds_of_an_appeal_are_read(place: Place) -> None:
    sopro("appeal", "add", place.at, REVOKED, "--text", "We had closed it")
    [one] = appeals(place)
    shown = sopro("appeal", "show", place.at, one["entity"]).stdout
    assert REVOKED in shown
    assert "    text: We had closed it" in shown
    listed = sopro("document", "list", place.at, one["entity"]).stdout
    assert "text: We had closed it" in listed
    result = sopro("appeal", "show", place.at, "0" * 32, code=1)
    assert "'sopro appeal list' names them" in result.stderr
    assert "nothing was filed" in sopro("document", "list", place.at, "0" * 32).stderr


def test_a_complaint_that_is_not_there_is_named(place: Place) -> None:
    by = ("--by", "ida", "--new-person", "ida")
    where = ("sopro.example/at/1", 5)
    result = sopro("complaint", "answer", place.at, *where, "closed", *by, code=1)
    assert "no complaint is known at entry 5" in result.stderr
    result = sopro("complaint", "add", place.at, "SOPRO/XX0/001/00001", *ABOUT, code=1)
    assert "no label 'SOPRO/XX0/001/00001' is known here" in result.stderr


def panel(*names: str) -> list[str]:
    """Name a panel of people whom the site does not know yet."""
    return [word for name in names for word in ("--member", name, "--new-person", name)]


def test_an_appeal_is_heard_by_a_panel(place: Place) -> None:
    sopro("appeal", "add", place.at, REVOKED, "--received-on", "2026-10-01")
    [one] = appeals(place)
    assert (one["certificate"], one["step"]) == (REVOKED, "received")
    decide = ("appeal", "decide", place.at, one["entity"])
    result = sopro(*decide, "upheld", *DAY, code=2)
    assert "say who records it with --by" in result.stderr
    result = sopro(*decide, "upheld", *DAY, "--by", "a", "--new-person", "a", code=1)
    assert "cannot become upheld where it is received" in result.stderr
    sopro("appeal", "panel", place.at, one["entity"], *panel("a", "b"), *DAY)
    for step in ("partly_upheld", "withdrawn"):
        result = sopro(*decide, step, *DAY, "--by", "c", "--new-person", "c", code=1)
        assert "recorded by one of its panel" in result.stderr
    sopro(*decide, "partly_upheld", *DAY, "--by", "b")
    [one] = appeals(place)
    assert (len(one["panel"]), one["step"]) == (2, "partly_upheld")
    assert sopro("appeal", "list", place.at).stdout.endswith(f"{REVOKED}  partly_upheld\n")


def test_who_decided_hears_no_appeal_against_it(place: Place) -> None:
    place.decide(
        "suspend", GRANTED, "--reason", "other", "--suspended-until", "2027-06-01",
        *("--decider", "anna", "--new-person", "anna"),
    )  # fmt: skip
    sopro("appeal", "add", place.at, GRANTED)
    [one] = appeals(place)
    result = sopro("appeal", "panel", place.at, one["entity"], "--member", "anna", code=1)
    assert "somebody who took part" in result.stderr
    ended = ("appeal", "decide", place.at, one["entity"], "withdrawn", "--by", "anna")
    assert "does not end an appeal" in sopro(*ended, code=1).stderr
    sopro("appeal", "panel", place.at, one["entity"], *panel("bela"))
    place.decide("correct", GRANTED, "--decider", "bela")
    result = sopro("appeal", "decide", place.at, one["entity"], "rejected", "--by", "bela", code=1)
    assert "name another panel" in result.stderr
    sopro("appeal", "panel", place.at, one["entity"], *panel("clara"))
    sopro("appeal", "decide", place.at, one["entity"], "rejected", "--by", "clara")
    assert appeals(place)[0]["step"] == "rejected"


def test_an_appeal_names_its_decision(place: Place) -> None:
    result = sopro("appeal", "add", place.at, GRANTED, "--decision", "1", code=1)
    assert "entry 1 is no decision of this site on that label" in result.stderr
    by = ("--by", "ida", "--new-person", "ida")
    result = sopro("appeal", "decide", place.at, "0" * 32, "upheld", *by, code=1)
    assert "this site has no appeal" in result.stderr


def test_who_was_refused_appeals(place: Place) -> None:
    refusal = place.decide(
        *("refuse", "--offering", place.offering(), "--reason", "other"),
        *("--decider", "anna", "--new-person", "anna"),
    )
    sopro("appeal", "add", place.at, "--application", refusal["entity"], "--text", "Nobody came")
    [one] = appeals(place)
    assert (one["label"], one["decision"]) == (refusal["entity"], refusal["index"])
    line = sopro("appeal", "list", place.at).stdout
    assert line.endswith(f"refusal {refusal['entity']}  received\n")
    result = sopro("appeal", "panel", place.at, one["entity"], "--member", "anna", code=1)
    assert "took part" in result.stderr
    sopro("appeal", "panel", place.at, one["entity"], *panel("ida"))
    sopro("appeal", "decide", place.at, one["entity"], "upheld", "--by", "ida")
    assert appeals(place)[0]["step"] == "upheld"


def test_an_appeal_names_one_decision_of_this_site(place: Place) -> None:
    result = sopro("appeal", "add", place.at, code=2)
    assert "the NUMBER of a label or --application" in result.stderr
    result = sopro("appeal", "add", place.at, GRANTED, "--application", "0" * 32, code=2)
    assert "the NUMBER of a label or --application" in result.stderr
    result = sopro("appeal", "add", place.at, "--application", "0" * 32, code=1)
    assert "this site has refused no application" in result.stderr
    offering = place.offering()
    granted = place.decide("grant", "--offering", offering, "--valid-until", "2027-12-31")
    result = sopro("appeal", "add", place.at, "--application", granted["entity"], code=65)
    assert f"its label is {granted['number']}" in result.stderr
