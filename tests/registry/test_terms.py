"""What a directory is searched by."""

import pytest

from sopro_protocol.encoding import Value
from sopro_registry import terms
from sopro_registry.terms import (
    fold_identifier,
    fold_item,
    spell_identifier,
    widen,
    words_asked,
    words_of,
)


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("Müller", "mueller"),
        ("Müller", "muller"),
        ("Müller", "MÜLLER"),
        ("Mueller", "Müller"),
        ("Győr", "gyor"),
        ("Straße", "strasse"),
        ("Strasse", "Straße"),
        ("Łódź", "lodz"),
        ("Øresund", "oresund"),
        ("Øresund", "oeresund"),
        ("Đorđe", "dorde"),
        ("İzmir", "izmir"),
        ("Çelik", "celik"),
        ("ﬁnanz", "finanz"),
        ("e\u0301cole", "école"),
        ("София", "СОФИЯ"),
        ("𝐌üller", "muller"),
        ("N\N{COMBINING DIAERESIS}u", "nu"),
    ],
)
def test_finds_a_word_by_every_spelling_of_it(kept: str, asked: str) -> None:
    held = words_of({"legal_name": kept})
    [alternatives] = words_asked(asked)
    assert {terms.WORD + one for one in alternatives} & set(held)


@pytest.mark.parametrize(("kept", "asked"), [("Müller", "miller"), ("Straße", "strabe")])
def test_finds_no_other_word(kept: str, asked: str) -> None:
    [alternatives] = words_asked(asked)
    held = words_of({"legal_name": kept})
    assert not {terms.WORD + one for one in alternatives} & set(held)


def test_takes_words_from_the_fields_that_name_something() -> None:
    fields = {
        "name": {"de": "Tisch & Stuhl", "hu": "Asztal"},
        "legal_name": "Möbel-Hof",
        "keywords": ["Altholz"],
        "secret": "Geheim",
        "locality": 7,
    }
    assert words_of(fields) == [
        *("w:mobel", "w:moebel", "w:hof"),
        *("w:tisch", "w:stuhl", "w:asztal", "w:altholz"),
    ]


def test_finds_an_identifier_however_it_is_written() -> None:
    held = words_of({"identifiers": [["VATAT", "U12345675"], ["GISA", "12 34-5"], "odd", []]})
    assert held == [
        *("i:U12345675", "i:VATATU12345675", "i:ATU12345675"),
        *("i:12345", "i:GISA12345"),
    ]
    assert fold_identifier("at u-1234.5675") == "ATU12345675"


@pytest.mark.parametrize(
    ("scheme", "value", "asked"),
    [
        ("VATEL", "094265075", "VATGR-094265075"),
        ("VATEL", "094265075", "GR 094265075"),
        ("VATGR", "094265075", "EL094265075"),
        ("VAT", "EL094265075", "VATEL-094265075"),
        ("VATGR", "EL094265075", "VATEL-094265075"),
        ("VATGB", "800969916", "VATUK-800969916"),
        ("VATAT", "U12345675", "VATAT-ATU12345675"),
        ("UID", "ATU12345675", "VATAT-U12345675"),
        ("VATCH", "CHE107787577IVA", "CHE-107.787.577 IVA"),
        ("VATX", "1", "vatx 1"),
    ],
)
def test_finds_a_vat_number_however_its_country_is_named(
    scheme: str, value: str, asked: str
) -> None:
    held = words_of({"identifiers": [[scheme, value]]})
    assert {terms.IDENTIFIER + one for one in spell_identifier(asked)} & set(held)
    assert not {terms.IDENTIFIER + one for one in spell_identifier(f"{asked}9")} & set(held)


@pytest.mark.parametrize("fields", [{}, {"name": 5}, {"legal_name": "?"}, {"other": "Hof"}])
def test_finds_nothing_by_a_document_that_names_nothing(fields: dict[str, Value]) -> None:
    assert words_of(fields) == []


def test_is_bounded_whatever_a_document_holds() -> None:
    many = {"description": " ".join(f"wort{number}" for number in range(4000))}
    assert len(words_of(many)) == terms.MOST_WORDS
    assert words_of({"legal_name": "x" * 4000}) == [f"w:{'x' * terms.LONGEST_WORD}"]
    assert len(words_asked("eins zwei " * 50)) == 2
    assert len(words_asked(" ".join(map(str, range(50))))) == terms.MOST_ASKED


def test_one_sign_may_stand_for_many_letters() -> None:
    # U+FDFA is decomposed to four Arabic words.
    assert all(len(one) <= terms.LONGEST_WORD + 2 for one in words_of({"name": "\ufdfa" * 9}))


@pytest.mark.parametrize(
    ("code", "wider"),
    [
        ("n:AT130", ["n:AT", "n:AT1", "n:AT13", "n:AT130"]),
        ("n:A", []),
        ("e:2.1:38.21", ["e:2.1:38", "e:2.1:38.2", "e:2.1:38.21"]),
        ("e:2:38", ["e:2:38"]),
        ("e:2.1:A", ["e:2.1:A"]),
        ("e:odd", ["e:od", "e:odd"]),
        ("e:2:A1", ["e:2:A1"]),
        ("v:03221000", ["v:03", "v:032", "v:0322", "v:03221"]),
        ("v:30000000", ["v:30"]),
        (
            "v:30192111-4",
            ["v:30", "v:301", "v:3019", "v:30192", "v:301921", "v:3019211", "v:30192111"],
        ),
        ("v:odd", ["v:od", "v:odd"]),
    ],
)
def test_a_code_is_found_by_what_is_above_it(code: str, wider: list[str]) -> None:
    assert list(widen(code)) == wider


@pytest.mark.parametrize(
    ("number", "folded"),
    [
        ("4006381333931", "04006381333931"),
        ("40063813", "00000040063813"),
        ("400-638-13", "00000040063813"),
        ("odd", "odd"),
    ],
)
def test_an_item_number_has_one_length(number: str, folded: str) -> None:
    assert fold_item(number) == folded
