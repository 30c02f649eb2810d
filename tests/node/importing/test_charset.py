"""Encodings are recognised from the letters of a file, whatever language they are of."""

import codecs

import pytest

from sopro_node.importing.charset import check_charset, recognise
from sopro_protocol.errors import FormatError

GERMAN = "Name;Straße\r\nBäckerei Grün;Schönbrunner Straße 5\r\nMöbel Übel;Äußere Gasse\r\n"
HUNGARIAN = "név;cím\nZöldút Egyesület;Fehérvári út\nTűzkő Műhely;Győr, Hűvösvölgyi köz\n"
GREEK = "όνομα;πόλη\nΑναπτυξιακή;Αθήνα\n"
FRENCH = "nom;ville\nÉpicerie coopérative;Besançon\nForêt à nous;Orléans\n"
POLISH = "nazwa;miasto\nSpółdzielnia;Łódź\nŻyczliwość;Kraków\nŚwiętość;Poznań\n"
CZECH = "název;město\nDružstvo Řeka;Plzeň\nŽivá půda;Děčín\n"
PLAIN = "a,b\n1,2\n" * 20

CASES = [
    (GERMAN, ["cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    (HUNGARIAN, ["cp1250", "iso8859-2", "utf-8", "utf-16", "utf-16-le"]),
    (GREEK, ["cp1253", "utf-8"]),
    (FRENCH, ["cp1252", "utf-8"]),
    (POLISH, ["cp1250", "iso8859-2", "utf-8"]),
    (CZECH, ["cp1250", "iso8859-2"]),
    (PLAIN, ["ascii", "cp1252", "utf-16-le"]),
]


@pytest.mark.parametrize(
    ("text", "encoding"), [(text, name) for text, names in CASES for name in names]
)
def test_recognises_the_encoding_of_a_text(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    found = recognise(data)
    assert data.decode(found.name).removeprefix("\ufeff") == text
    assert found.reason


def test_a_stray_byte_in_utf_8_is_damage_and_no_other_encoding() -> None:
    assert recognise((GERMAN * 3).encode() + b"\xff").name == "utf-8"


def test_a_letter_that_is_cut_in_two_at_the_end_of_a_sample_is_none_astray() -> None:
    cut = "ö".encode()[:1]
    assert recognise(b"a,b\n" * 10 + cut, is_whole=False).name == "utf-8"
    assert recognise(b"a,b\n" * 10 + cut).name != "utf-8"


def test_a_mark_decides_whatever_follows() -> None:
    assert recognise(codecs.BOM_UTF8 + b"\xff\xff\xff").name == "utf-8"


@pytest.mark.parametrize("name", ["nothing", "base64", "rot13", "zlib", "a\0b", "x" * 500])
def test_refuses_what_is_no_encoding_of_text(name: str) -> None:
    with pytest.raises(FormatError, match="encoding: expected a name such as utf-8"):
        check_charset(name, where="m.toml")
