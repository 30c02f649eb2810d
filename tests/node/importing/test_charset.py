"""Encodings are recognised from the letters of a file, whatever language they are of."""

import codecs
from pathlib import Path

import pytest

from sopro_node.importing.charset import check_charset, recognise
from sopro_node.importing.csvfile import CsvFile
from sopro_protocol.errors import FormatError

GERMAN = "Name;Straße\r\nBäckerei Grün;Schönbrunner Straße 5\r\nMöbel Übel;Äußere Gasse\r\n"
HUNGARIAN = "név;cím\nZöldút Egyesület;Fehérvári út\nTűzkő Műhely;Győr, Hűvösvölgyi köz\n"
GREEK = "όνομα;πόλη\nΑναπτυξιακή;Αθήνα\n"
FRENCH = "nom;ville\nÉpicerie coopérative;Besançon\nForêt à nous;Orléans\n"
POLISH = "nazwa;miasto\nSpółdzielnia;Łódź\nŻyczliwość;Kraków\nŚwiętość;Poznań\n"
CZECH = "název;město\nDružstvo Řeka;Plzeň\nŽivá půda;Děčín\n"
TURKISH = "ad;şehir\nGüneş Çiğdem Kooperatifi;İstanbul\nIşık Öğretmen;Eskişehir\nŞirin Ağaç;Muğla\n"
RUSSIAN = "имя;город\nОбщество Свет;Казань\nПекарня Хлеб;Москва\nМастерская;Тверь\n"
PLAIN = "a,b\n1,2\n" * 20

CASES = [
    (
        GERMAN,
        [
            "cp850",
            "cp437",
            "mac-roman",
            "cp1252",
            "utf-8",
            "utf-8-sig",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-32",
        ],
    ),
    (HUNGARIAN, ["cp852", "mac-latin2", "cp1250", "iso8859-2", "utf-8", "utf-16", "utf-16-le"]),
    (GREEK, ["cp737", "iso8859-7", "cp1253", "utf-8"]),
    (FRENCH, ["cp850", "mac-roman", "cp1252", "utf-8"]),
    (POLISH, ["cp852", "cp1250", "iso8859-2", "utf-8"]),
    (CZECH, ["cp852", "cp1250", "iso8859-2"]),
    (TURKISH, ["cp1254", "cp857", "utf-8"]),
    (RUSSIAN, ["cp1251", "cp866", "koi8-r", "mac-cyrillic", "iso8859-5", "utf-8"]),
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


@pytest.mark.parametrize(
    "text",
    [
        "Há Festa no Campo",
        "Die Bäckerei – Kulturbackstube",
        "Christoph´s Laden · Linz",
        "L’Été à Noël",
        "STRAßENBAU Übel “Grün”",
        "Käse usw… 20 °C ±1 §5 £3",
    ],
)
def test_a_few_letters_of_today_are_of_no_old_program(text: str) -> None:
    found = recognise(text.encode("cp1252"))
    assert (text.encode("cp1252").decode(found.name), found.doubt) == (text, ())


WEST = ("cp850", "mac-roman", "cp1252")
MIDDLE = ("cp852", "mac-latin2", "cp1250")
SHORT = [
    ("Nome;Città\nCooperativa Società;Forlì\n", WEST),
    ("nome;comune\nPerché No;Forlì\n", WEST),
    ("nome\nCaffè Più;Cantù\n", WEST),
    ("a;b\nLa Libertà;X\n", WEST),
    ("no;name\n1;Müller\n", WEST),
    ("no;name\n1;Bäckerei\n2;Grün\n", WEST),
    ("no;Straße\n1;Hauptstraße 3\n", WEST),
    ("no;name\n1;Möbel Übel\n", WEST),
    ("nom;ville\nSociété;Orléans\n", WEST),
    ("nom\nForêt\n", WEST),
    ("nombre\nAsociación\n", WEST),
    ("név;hely\nSzövetkezet;Győr\n", MIDDLE),
    ("no;név\n1;Műhely\n", MIDDLE),
    ("nazwa\nSpółdzielnia Książka\n", MIDDLE),
    ("jméno\nPříbram\n", MIDDLE),
    ("no\nDružstvo Žižkov\n", MIDDLE),
]


@pytest.mark.parametrize(
    ("text", "encoding"), [(text, name) for text, names in SHORT for name in names]
)
def test_a_few_letters_in_familiar_words_are_enough(text: str, encoding: str) -> None:
    assert text.encode(encoding).decode(recognise(text.encode(encoding)).name) == text


def test_what_was_read_is_shown_to_be_looked_at() -> None:
    assert recognise("Möbel Übel;Linz".encode("cp850")).reason == (
        "its letters beyond ASCII, as in 'Möbel', 'Übel'"
    )


def test_bytes_that_are_words_in_no_encoding_are_not_guessed_at(tmp_path: Path) -> None:
    """Letters of EBCDIC, of a list of our own, of anything: someone has to say what they are."""
    path = tmp_path / "in.csv"
    path.write_bytes(
        b"name,place\n" + b"B\xa6c\xa7kerei,M\xbfd\xb1ling\nG\xaer\xb6n,W\xa9i\xacn\n" * 3
    )
    with pytest.raises(FormatError, match=r"its encoding cannot be told; read as .* name the"):
        CsvFile(path)
    named = CsvFile(path, encoding="cp1252")
    assert named.header == ["name", "place"]
    named.close()


def test_a_mark_decides_whatever_follows() -> None:
    assert recognise(codecs.BOM_UTF8 + b"\xff\xff\xff").name == "utf-8"


@pytest.mark.parametrize("name", ["nothing", "base64", "rot13", "zlib", "a\0b", "x" * 500])
def test_refuses_what_is_no_encoding_of_text(name: str) -> None:
    with pytest.raises(FormatError, match="encoding: expected a name such as utf-8"):
        check_charset(name, where="m.toml")
