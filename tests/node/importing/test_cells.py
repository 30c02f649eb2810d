from typing import Any

import pytest

from sopro_node.importing.cells import CellReader, Reading
from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import parse_mapping
from sopro_protocol.errors import FormatError
from tests.node.importing.sources import DECISIONS, OFFERINGS, ORGANISATIONS


def read(kind: Kind, mapping: dict[str, Any], row: dict[str, str], zone: str) -> Reading:
    parsed = parse_mapping(mapping, kind, where="m.toml")
    reader = CellReader(kind, parsed, list(row), zone=zone, today="2026-11-22")
    return reader.read(list(row.values()))


def organisation(change: dict[str, str], mapping: dict[str, Any] | None = None) -> Reading:
    row = {"no": "7", "name": "Firm", "place": "Graz", "land": "AT", "since": "31.12.2020"}
    wanted = ORGANISATIONS | (mapping or {})
    return read(Kind.ORGANISATIONS, wanted, row | change, "Europe/Vienna")


def decision(change: dict[str, str], zone: str = "Europe/Vienna", **mapping: Any) -> Reading:
    row = {"no": "7", "n": "1", "status": "granted", "at": "2016-06-30T22:00:00Z"}
    return read(Kind.DECISIONS, DECISIONS | mapping, row | change, zone)


# Midnight in a zone, as sources write it in UTC, and the day that it is.
MIDNIGHTS = [
    ("Europe/Vienna", "2016-06-30T22:00:00Z", "2016-07-01"),
    ("Europe/Vienna", "2015-12-31T23:00:00Z", "2016-01-01"),
    ("Europe/Helsinki", "2016-06-30T21:00:00Z", "2016-07-01"),
    ("Europe/Lisbon", "2016-06-30T23:00:00Z", "2016-07-01"),
    ("Europe/Lisbon", "2016-01-01T00:00:00Z", "2016-01-01"),
    ("Atlantic/Reykjavik", "2016-06-30T23:00:00Z", "2016-06-30"),
    ("Europe/Vienna", "2016-07-01T00:00:00+02:00", "2016-07-01"),
    ("Europe/Vienna", "2016-07-01T00:00+0200", "2016-07-01"),
    ("Europe/Athens", "2016-06-30T21:59:59.999Z", "2016-07-01"),
]


@pytest.mark.parametrize(("zone", "instant", "day"), MIDNIGHTS)
def test_an_instant_is_the_civil_date_of_the_sites_zone(zone: str, instant: str, day: str) -> None:
    item = decision({"at": instant}, zone).item
    assert item is not None
    assert item.values["effective_date"] == day


def test_a_decision_may_lack_its_date() -> None:
    item = decision({"at": ""}).item
    assert item is not None
    assert "effective_date" not in item.values


# A cell, and what its error must say: column, value, what is expected.
ORGANISATION_ERRORS = [
    ({"no": ""}, "column 'no', value '': expected key, found nothing"),
    ({"no": "x" * 501}, "longer than 500 characters"),
    ({"name": ""}, "column 'name', value '': expected legal_name, found nothing"),
    ({"name": "x" * 501}, "at most 500 characters"),
    ({"name": "a\x07b"}, "holds a control character; remove it"),
    ({"name": "a\udcffb"}, "not UTF-8; save the file as CSV UTF-8"),
    ({"land": "Ausria"}, "column 'land', value 'Ausria': expected a country: its name, or a code"),
    ({"land": "Ausria"}, "such as AT; did you mean 'AT'?"),
    ({"land": "ABERDEEN"}, "a code such as AT"),
    ({"land": "XX"}, "expected a country"),
    ({"land": ""}, "expected country, found nothing"),
    ({"since": "2020-12-31"}, "a day of the calendar written '%d.%m.%Y' such as 31.07.2016"),
    ({"since": "31.02.2020"}, "column 'since', value '31.02.2020': expected a day of the calendar"),
]


@pytest.mark.parametrize(("change", "says"), ORGANISATION_ERRORS)
def test_says_what_is_wrong_with_a_cell(change: dict[str, str], says: str) -> None:
    reading = organisation(change)
    assert reading.item is None
    assert says in "; ".join(reading.problems)


DECISION_ERRORS = [
    ({"n": ""}, "column 'n', value '': expected the row's place in the order"),
    ({"at": "2016-06-30"}, "expected an instant such as 2016-06-30T22:00:00Z"),
    ({"at": "2016-06-30T22:00:00"}, "expected an instant such as"),
    ({"at": "2016-02-30T22:00:00Z"}, "expected a day of the calendar"),
    ({"at": "9999-12-31T23:30:00Z"}, "expected a day of the calendar"),
    ({"at": "30.6.2016"}, "column 'at', value '30.6.2016'"),
]


@pytest.mark.parametrize(("change", "says"), DECISION_ERRORS)
def test_says_what_is_wrong_with_a_decision(change: dict[str, str], says: str) -> None:
    reading = decision(change)
    assert reading.item is None
    assert says in "; ".join(reading.problems)


def test_a_status_nobody_translated_is_named_with_the_known_ones() -> None:
    reading = decision({"status": "paused"}, status={"granted": "hold", "lost": "end"})
    assert reading.problems == [
        "column 'status', value 'paused': no such status; known: granted, lost; add it to [status]"
    ]


@pytest.mark.parametrize("since", ["2020-02-30", "30.2.2020", "2020-1-1"])
def test_a_date_without_a_form_is_expected_as_year_month_day(since: str) -> None:
    [problem] = organisation({"since": since}, {"dates": {}}).problems
    assert problem == (
        f"column 'since', value '{since}': expected a day of the calendar written year-month-day "
        "such as 2016-07-31; for another form set it in [dates] of the mapping"
    )


@pytest.mark.parametrize(
    ("since", "form"),
    [
        ("29.2.2020", 'format = "%d.%m.%Y"'),
        ("20200229", 'format = "%Y%m%d"'),
        ("2020. 02. 29.", 'format = "%Y. %m. %d."'),
        ("1/2/2020", 'format = "%d/%m/%Y" or "%m/%d/%Y"'),
        ("2020-02-28T23:00:00Z", 'kind = "instant"'),
    ],
)
def test_a_date_of_another_form_is_told_how_to_be_read(since: str, form: str) -> None:
    [problem] = organisation({"since": since}, {"dates": {}}).problems
    assert problem.endswith(f"[dates.effective_date] {form}")
    name, _, value = form.partition(" or ")[0].partition(" = ")
    mapping = {"dates": {"effective_date": {name: value.strip('"')}}}
    item = organisation({"since": since}, mapping).item
    assert item is not None
    assert item.values["effective_date"][:4] == "2020"


@pytest.mark.parametrize(
    ("word", "meant"),
    [("Enterprize", "enterprise"), ("Social Enterprise", "social_enterprise"), ("qqq", "")],
)
def test_a_word_that_is_none_of_ours_is_told_what_it_perhaps_means(word: str, meant: str) -> None:
    columns = {**ORGANISATIONS["columns"], "actor_type": "place"}
    [problem] = organisation({"place": word}, {"columns": columns, "constants": {}}).problems
    assert "expected one of social_enterprise, enterprise" in problem
    assert (f"did you mean {meant!r}?" in problem) == bool(meant)


def test_every_error_of_a_row_is_told_at_once() -> None:
    assert len(organisation({"name": "", "land": "x", "since": "y"}).problems) == 3


def test_a_long_value_is_cut() -> None:
    [problem] = organisation({"land": "x" * 300}).problems
    assert len(problem) < 160


def test_text_is_kept_as_text_in_normal_form() -> None:
    item = organisation({"name": ' =HYPERLINK("x") ', "place": "Go\u0308d", "no": "+1"}).item
    assert item is not None
    assert item.fields["legal_name"] == '=HYPERLINK("x")'
    assert item.fields["locality"] == "G\u00f6d"
    assert item.key == ["+1"]


def test_values_are_translated_and_constants_fill_empty_cells() -> None:
    item = organisation({"land": "EL"}).item
    assert item is not None
    assert item.values["country"] == "GR"
    constants = {"constants": {"actor_type": "funder", "country": "HU"}}
    item = organisation({"land": ""}, constants).item
    assert item is not None
    assert (item.values["country"], item.values["actor_type"]) == ("HU", "funder")


def test_a_constant_that_does_not_fit_is_refused_before_any_row() -> None:
    with pytest.raises(FormatError, match=r"actor_type: .*expected one of social_enterprise"):
        organisation({}, {"constants": {"actor_type": "firm"}})


def test_identifiers_have_a_scheme_each() -> None:
    mapping = {
        "identifiers": [
            {"column": "place", "separator": "|", "scheme_until": "-", "scheme": "OTHER"}
        ]
    }
    ids = "VATAT-U38473200|NTRIT-9-x| 77 |VATAT-U38473200"
    item = organisation({"place": ids}, mapping).item
    assert item is not None
    assert item.fields["identifiers"] == [
        ["VATAT", "U38473200"],
        ["NTRIT", "9-x"],
        ["OTHER", "77"],
    ]


IDS = {"identifiers": [{"column": "place", "separator": "|", "scheme_until": "-"}]}


def test_an_identifier_that_fails_its_check_makes_a_row_bad() -> None:
    reading = organisation({"place": "VATCZ-CZ26439395"}, IDS)
    [problem] = reading.problems
    assert problem == (
        "column 'place', value 'VATCZ-CZ26439395': repeats the country CZ, which its scheme has "
        "already; did you mean 'VATCZ-26439395'?; correct it, or give a reason in "
        "[identifier_reasons] of the mapping"
    )
    [found] = reading.identifiers
    assert (found.flaw is not None, found.reason) == (True, "")


def test_an_identifier_that_fails_its_check_is_left_out_where_cells_may_be() -> None:
    ids = {"place": "VATCZ-CZ26439395|VATIT- 80425650589|VATAT-U38473200"}
    reading = organisation(ids, IDS | {"unusable_cells": "empty"})
    assert reading.item is not None
    assert reading.item.fields["identifiers"] == [["VATAT", "U38473200"]]
    assert len(reading.left_out) == 2
    assert "holds a space; did you mean 'VATIT-80425650589'" in reading.left_out[1]


@pytest.mark.parametrize("name", ["VATCZ-CZ26439395", "*"])
def test_an_identifier_is_taken_for_a_reason_that_is_recorded(name: str) -> None:
    reasons = {"identifier_reasons": {name: "so the list has it"}}
    item = organisation({"place": "VATCZ-CZ26439395"}, IDS | reasons).item
    assert item is not None
    assert item.fields["identifiers"] == [["VATCZ", "CZ26439395"]]
    assert item.fields["identifier_overrides"] == [["VATCZ", "CZ26439395", "so the list has it"]]


def offering(change: dict[str, str], **mapping: Any) -> Reading:
    row = {"no": "7", "org": "1", "name": "x"} | change
    return read(Kind.OFFERINGS, OFFERINGS | mapping, row, "Europe/Vienna")


def test_trade_item_numbers_and_procurement_codes_are_checked() -> None:
    columns = OFFERINGS["columns"] | {"gtin": "ean", "cpv": "cpv"}
    right = offering({"ean": "4006381333931", "cpv": "03000000"}, columns=columns)
    assert right.item is not None
    wrong = offering({"ean": "4006381333932", "cpv": "3000000"}, columns=columns)
    gtin = next(one for one in wrong.problems if "'ean'" in one)
    cpv = next(one for one in wrong.problems if "'cpv'" in one)
    assert "did you mean '4006381333931'?" in gtin
    assert "lose its first zero?; did you mean '03000000'?" in cpv
    taken = offering(
        {"ean": "4006381333932"},
        columns=OFFERINGS["columns"] | {"gtin": "ean"},
        identifier_reasons={"GTIN-4006381333932": "printed so"},
    )
    assert taken.item is not None
    assert taken.item.fields["identifier_overrides"] == [["GTIN", "4006381333932", "printed so"]]


def test_texts_of_several_languages_may_stand_in_one_cell() -> None:
    texts = {
        "name": [{"column": "name", "language": "de"}, {"column": "all", "kind": "json"}],
    }
    reading = offering({"name": "Stuhl", "all": '{"hu": "Szék", "de": "anders"}'}, texts=texts)
    assert reading.item is not None
    assert reading.item.fields["name"] == {"de": "Stuhl", "hu": "Szék"}
    for wrong in ("[1]", '{"de": 1}', "{", "[" * 5000, '{"h!": "x"}'):
        [problem] = offering({"all": wrong}, texts=texts).problems
        assert problem.startswith("column 'all', value ")
        assert offering({"all": wrong}, texts=texts, unusable_cells="empty").item is not None


def test_words_of_a_text_are_translated_by_language_and_others_left_out() -> None:
    texts = {"name": [{"column": "name", "language": tag} for tag in ("de", "hu")]}
    values = {"name.de": {"chair": "Stuhl", "*": "Ding"}, "name.hu": {"chair": "szék", "*": ""}}
    for word, expected in (("chair", {"de": "Stuhl", "hu": "szék"}), ("desk", {"de": "Ding"})):
        item = offering({"name": word}, texts=texts, values=values).item
        assert item is not None
        assert item.fields["name"] == expected


def test_what_has_no_field_is_kept_and_columns_are_joined() -> None:
    joined = {"joined": {"street": ["place", "no"]}, "kept": {"score": "score"}}
    item = organisation({"place": "Gasse", "score": "80,5"}, joined).item
    assert item is not None
    assert item.fields["street"] == "Gasse 7"
    assert item.fields["kept"] == {"score": "80,5"}
    assert organisation({"score": "x" * 4001}, joined).item is None
    assert organisation({"score": ""}, joined).item is not None


@pytest.mark.parametrize(
    ("score", "word"),
    [
        ("80", "hold"),
        ("80,5", "hold"),
        ("79.9", "end"),
        ("n/a", ""),
        ("NaN", ""),
        ("1e9999", "hold"),
        ("8,1E+1", "hold"),
        ("81 %", "hold"),
        ("79,5%", "end"),
        ("1\u202f088,5", "hold"),
        ("-5", "end"),
    ],
)
def test_a_score_may_say_the_status(score: str, word: str) -> None:
    table = {">= 80": "hold", "< 80": "end"}
    reading = decision({"status": score}, status=table)
    assert (reading.item.word if reading.item else "") == word


@pytest.mark.parametrize("score", ["88/100", "88 P.", "1.088,5", "1 08", "٨٨", ""])
def test_a_score_that_cannot_be_read_is_not_among_all_others(score: str) -> None:
    reading = decision({"status": score}, status={">= 80": "hold", "*": "end"})
    assert reading.item is None
    assert "expected a number, since [status] compares numbers" in reading.problems[0]


@pytest.mark.parametrize(
    ("score", "table", "word"),
    [
        ("withdrawn", {">= 80": "hold", "*": "end"}, "end"),
        ("", {">= 80": "hold", "": "end"}, "end"),
        ("88/100", {">= 80": "hold", "88/100": "hold"}, "hold"),
        ("3 stars", {"*": "end"}, "end"),
        ("81 %", {">= 0.8": "hold", "*": "end"}, ""),
        ("0,81", {">= 0.8": "hold", "*": "end"}, "hold"),
    ],
)
def test_words_and_what_is_in_the_table_need_be_no_numbers(
    score: str, table: dict[str, str], word: str
) -> None:
    reading = decision({"status": score}, status=table)
    assert (reading.item.word if reading.item else "") == word


def test_text_takes_its_language_from_a_column() -> None:
    texts = {"name": {"column": ["name", "no"], "language_column": "lang", "language": "und"}}
    for language, name, expected in [
        ("hu", "Szék", {"hu": "Szék"}),
        ("", "Szék", {"und": "Szék"}),
        ("hu", "", {"hu": "7"}),
    ]:
        row = {"no": "7", "org": "1", "name": name, "lang": language}
        item = read(Kind.OFFERINGS, OFFERINGS | {"texts": texts}, row, "Europe/Vienna").item
        assert item is not None
        assert item.fields["name"] == expected
    row = {"no": "7", "org": "1", "name": "x", "lang": "h!"}
    reading = read(Kind.OFFERINGS, OFFERINGS | {"texts": texts}, row, "Europe/Vienna")
    assert "column 'lang', value 'h!': expected a language tag" in reading.problems[0]


# With a mapping for which what does not fit is empty.

LENIENT = {"unusable_cells": "empty"}


@pytest.mark.parametrize("at", ["2016-06-30", "20160630T220000Z", "0001-01-01T00:00:00Z", "a\x07"])
def test_a_time_that_is_none_is_left_out_and_told(at: str) -> None:
    reading = decision({"at": at}, "Europe/London", **LENIENT)
    assert reading.item is not None
    assert reading.item.values == {"scheme": "sopro"}
    [problem] = reading.left_out
    assert problem.startswith(f"column 'at', value {at!r}: ")


def test_keys_orders_and_statuses_may_hold_anything_that_can_be_compared() -> None:
    change = {"no": "a\x07\udcff" * 300, "n": "1\x07", "status": "lost\udcff"}
    item = decision(change, **LENIENT).item
    assert item is not None
    assert item.key == ["a\x07\\xff" * 300]
    assert (item.order, item.word) == ("1\x07", "end")
    thing = organisation({"no": "a\x07" * 300}, LENIENT).item
    assert thing is not None
    assert thing.fields["source_key"] == "a " * 250 + "..."
    assert decision({"n": ""}, **LENIENT).item is None


def test_the_next_column_of_a_field_counts_where_a_cell_does_not_fit() -> None:
    columns = ORGANISATIONS["columns"] | {
        "legal_name": ["name", "place"],
        "country": ["no", "land"],
    }
    reading = organisation(
        {"name": "x" * 501, "no": "Utopia", "land": "el"}, LENIENT | {"columns": columns}
    )
    assert reading.item is not None
    assert reading.item.fields["legal_name"] == "Graz"
    assert reading.item.values["country"] == "GR"
    assert len(reading.left_out) == 2


def test_an_identifier_that_does_not_fit_leaves_the_others() -> None:
    ids = {"identifiers": [{"column": "place", "separator": "|"}]}
    item = organisation({"place": f"1|{'x' * 501}|2"}, LENIENT | ids).item
    assert item is not None
    assert item.fields["identifiers"] == [["OTHER", "1"], ["OTHER", "2"]]


@pytest.mark.parametrize(
    ("lang", "language", "count"),
    [("de_AT", "de-AT", 0), ("english", "en", 0), ("bad lang", "und", 1), ("", "und", 0)],
)
def test_a_language_that_is_none_is_that_of_the_column(
    lang: str, language: str, count: int
) -> None:
    texts = {"name": {"column": "name", "language_column": "lang", "language": "und"}}
    row = {"no": "7", "org": "1", "name": "x", "lang": lang}
    mapping = OFFERINGS | {"texts": texts} | LENIENT
    reading = read(Kind.OFFERINGS, mapping, row, "Europe/Vienna")
    assert reading.item is not None
    assert reading.item.fields["name"] == {language: "x"}
    assert len(reading.left_out) == count


def test_a_country_may_be_in_small_letters() -> None:
    item = organisation({"land": "hu"}).item
    assert item is not None
    assert item.values["country"] == "HU"


UNTIL = {
    "columns": {**DECISIONS["columns"], "valid_from": "from", "valid_until": ["until", "end"]},
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"at": "2020-01-01T12:00:00Z", "end": "2019-01-01"},
            "column 'end', value '2019-01-01': lies before column 'at', value "
            "'2020-01-01T12:00:00Z'; correct one of the two",
        ),
        (
            {"until": "2019-01-01", "from": "2019-01-02"},
            "column 'until', value '2019-01-01': lies before column 'from', value "
            "'2019-01-02'; correct one of the two",
        ),
        ({"until": "2020-01-01", "from": "2020-01-01", "at": "2020-01-01T00:00:00Z"}, ""),
        ({"until": "2019-01-01", "at": ""}, ""),
        # An end sets no validity; what its row says of it is left aside.
        ({"status": "lost", "at": "2020-01-01T12:00:00Z", "until": "2019-01-01"}, ""),
    ],
)
def test_a_validity_that_ends_before_it_begins_is_bad(change: dict[str, str], problem: str) -> None:
    row = {"from": "", "until": "", "end": ""} | change
    assert decision(row, **UNTIL).problems == ([problem] if problem else [])
    # Nor may it count as empty: a label without an end says something else.
    assert bool(decision(row, **UNTIL, unusable_cells="empty").problems) == bool(problem)
