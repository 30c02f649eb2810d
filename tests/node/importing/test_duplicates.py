import random

import pytest

from sopro_node.importing import duplicates
from sopro_node.importing.duplicates import Candidate, Duplicates
from sopro_node.importing.fields import Kind
from tests.node.conftest import Federation
from tests.node.importing.sources import ORGANISATIONS, FakeOffice, Told, counts, over_msgpack


def hints(*candidates: Candidate) -> list[tuple[str, ...]]:
    found = Duplicates()
    for one in candidates:
        found.add(one)
    return [(one.kind, *(member.split(":")[0] for member in one.members)) for one in found.find()]


def test_one_identifier_is_one_however_it_is_written() -> None:
    assert hints(
        Candidate("a", "Eins", identifiers=(("VATCZ", "CZ26439395"),)),
        Candidate("b", "Zwei", identifiers=(("VATCZ", "26439395"), ("FN", "1a"))),
        Candidate("c", "Drei", identifiers=(("NTRCZ", "26439395"),)),
        Candidate("d", "Vier", identifiers=(("FN", "FN 1 a".removeprefix("FN ")),)),
    ) == [("identifier", "a", "b"), ("identifier", "b", "d")]


SAME = [
    (("Repair Café Grün", "Graz"), ("Repair-Cafe GRÜN e.V.", "Graz"), True),
    (("Möbelwerkstatt", "Linz"), ("Möbelwerkstat", "Linz"), True),
    (("Kost nix Laden", "Linz"), ("Laden Kost-Nix", "Linz"), True),
    (("Kost nix Laden", "Linz"), ("Kost nix Laden", "Graz"), False),
    (("Kost nix Laden", "Linz"), ("Kost nix Laden", ""), True),
    (("Kost nix Laden", "Linz"), ("Kost nix Läden", ""), True),
    (("Kost nix Laden", "Linz"), ("Kostnix Laden", ""), False),
    (("Weltladen", "Sankt Pölten"), ("Weltladen", "St. Pölten"), True),
    (("Bäckerei", "Győr"), ("Bäckerei", "Gyor"), True),
    (("Piekarnia Złoty Kłos", "Łódź"), ("Piekarnia Zloty Klos", "Lodz"), True),
    (("Zielony Sklep", "Łuków"), ("Zielony Sklep", "Lukow"), True),
    (("Świeży Chleb", "Poznań"), ("Swiezy Chleb", "Poznan"), True),
    (("Łąka", "Ełk"), ("Laka", "Elk"), True),
    (("Økologisk Brød", "Køge"), ("Oekologisk Broed", "Koege"), True),
    (("Grøn Butik", "Ærø"), ("Gron Butik", "Aero"), True),
    (("Åbo Hø", "Århus"), ("Aabo Hoe", "Aarhus"), True),
    (("Müller & Söhne", "Köln"), ("Mueller & Soehne", "Koeln"), True),
    (("Weiße Bäckerei", "Gießen"), ("Weisse Baeckerei", "Giessen"), True),
    (("Đorđe", "Đakovo"), ("Dorde", "Dakovo"), True),
    (("Işık", "Iğdır"), ("Isik", "Igdir"), True),
    (("Bäckerei Ost", "Graz"), ("Bäckerei West", "Graz"), False),
    (("Laden", "Łódź"), ("Laden", "Lublin"), False),
    (("GmbH", "Wien"), ("GmbH", "Wien"), True),
    (("", "Wien"), ("", "Wien"), False),
]


@pytest.mark.parametrize(("one", "other", "is_same"), SAME)
def test_nearly_one_name_in_one_place(
    one: tuple[str, str], other: tuple[str, str], is_same: bool
) -> None:
    pair = [
        Candidate(where, name, "AT", place)
        for where, (name, place) in zip("ab", (one, other), strict=True)
    ]
    assert hints(*pair) == ([("name", "a", "b")] if is_same else [])
    abroad = [pair[0], pair[1]._replace(country="HU")]
    assert hints(*abroad) == []


def test_two_are_told_once_also_where_several_things_are_the_same() -> None:
    one = Candidate("a", "Eins", "AT", "Graz", "8010", (("FN", "1a"),))
    assert hints(one, one._replace(where="b")) == [("identifier", "a", "b")]
    assert hints(one._replace(identifiers=()), one._replace(where="b")) == [("name", "a", "b")]


def test_several_of_one_name_are_one_hint() -> None:
    one = Candidate("a", "Weltladen", "AT", "Graz")
    other = Candidate("x", "Tischlerei", "AT", "Linz")
    same = [one._replace(where=where) for where in "bcd"]
    found = [("name", "a", "b", "c", "d"), ("name", "x", "y")]
    assert hints(one, other, *same, other._replace(where="y")) == found


def test_what_only_the_register_has_is_not_told_with_every_import() -> None:
    old = Candidate("a", "Weltladen", "AT", "Graz", "", (("FN", "1a"),), is_known=True)
    again = [old, old._replace(where="b")]
    elsewhere = Candidate("c", "Tischlerei", "AT", "Linz")
    assert hints(*again, elsewhere) == []
    unnumbered = [one._replace(identifiers=()) for one in again]
    assert hints(*unnumbered, elsewhere) == []
    new = elsewhere._replace(name="Weltladen", locality="Graz")
    assert hints(*unnumbered, new) == [("name", "a", "b", "c")]


def test_finds_a_pair_among_many_of_one_place() -> None:
    dice = random.Random(4)
    words = ["".join(dice.choices("aeioubdgklmnrst", k=7)) for _ in range(400)]
    many = [Candidate(str(n), " ".join(dice.sample(words, 3)), "AT", "Wien") for n in range(3000)]
    first, second = many[17].name, f"{many[17].name} Verein"
    assert hints(*many, Candidate("x", second, "AT", "Wien")) == [("name", "17", "x")]
    assert first != second


def test_says_how_many_were_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 2)
    found = Duplicates()
    for where in "abc":
        found.add(Candidate(where, "Eine", "AT", "Graz"))
    assert (len(found.find()), found.not_compared) == (1, 1)


def test_of_a_large_register_what_is_near_the_file_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 40)
    found = Duplicates()
    for number in range(10):
        found.add(Candidate(f"new {number}", f"Werkstatt {number}x{number}", "AT", f"Ort {number}"))
    found.add(Candidate("new vat", "Ganz anders", "AT", "Linz", "", (("FN", "1a"),)))
    for number in range(500):
        one = Candidate(f"old {number}", f"Tischlerei {number} Huber", "AT", f"Ort {number}")
        found.add(one._replace(is_known=True))
    for number in range(10):
        name = f"{number}x{number} Werkstatt" if number % 2 else f"Werkstatt {number}x{number} KG"
        one = Candidate(f"copy {number}", name, "AT", f"Ort {number}", is_known=True)
        found.add(one)
    found.add(Candidate("copy vat", "Neuer Name", "AT", "Graz", "", (("FN", "1a"),), is_known=True))
    assert [[member.split(":")[0] for member in one.members] for one in found.find()] == [
        ["new vat", "copy vat"],
        *([f"new {number}", f"copy {number}"] for number in range(10)),
    ]
    assert found.not_compared == 0
    for number in range(50):
        found.add(Candidate(f"more {number}", "Werkstatt 0x0", "AT", "Ort 0", is_known=True))
    assert found.not_compared == 11 + 50 - 40


ROWS = "no,name,place,land,since\n1,Erste Bäckerei,Graz,AT,\n"


async def test_an_organisation_that_comes_back_is_no_other_one(
    office: FakeOffice, told: Told
) -> None:
    text = ROWS + "1,Erste Bäckerei,Graz,AT,\n2,Erste Bäckerei GmbH,Graz,AT,\n"
    await told.run(office, Kind.ORGANISATIONS, text, ORGANISATIONS)
    assert told.report is not None
    [hint] = told.report.duplicates
    assert hint.members == ("line 2: Erste Bäckerei", "line 4: Erste Bäckerei GmbH")


async def test_organisations_are_compared_with_those_of_the_register(
    federation: Federation, told: Told
) -> None:
    await federation.coordinator()
    call = over_msgpack((await federation.join("at", "AT")).node)
    assert counts(await told.run(call, Kind.ORGANISATIONS, ROWS, ORGANISATIONS)) == (1, 0, 0, 0)
    assert told.report is not None
    assert told.report.duplicates == []
    await told.run(call, Kind.ORGANISATIONS, ROWS, ORGANISATIONS)
    assert told.report.duplicates == []
    await told.run(call, Kind.ORGANISATIONS, ROWS.replace("\n1", "\n9"), ORGANISATIONS)
    [hint] = told.report.duplicates
    assert hint.kind == "name"
    assert hint.members[1].startswith("in the register (")
