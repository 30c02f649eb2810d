"""The languages of the pages: nothing untranslated, nothing stale, every word in its table."""

import re
from functools import cache
from typing import Any, get_args

import msgspec
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from msgspec import UNSET

from sopro_node.web import pages_register_words as register_words
from sopro_node.web import pages_words
from sopro_node.web.i18n import (
    CATALOGUES,
    LANGUAGES,
    Language,
    choose_language,
    load_languages,
    zoned,
)
from sopro_node.web.pages_overlays import FINDINGS, HOLDER_FINDINGS, OVERLAYS
from sopro_protocol.keys import Role
from sopro_registry.assessment import Level, Result
from sopro_registry.families import (
    criterion,
    label_decision,
    offering,
    organisation,
    scheme,
    site_membership,
    withhold,
)
from sopro_registry.label import Action, Status
from sopro_registry.overlays import Overlay
from sopro_registry.relations import Kind
from tests.registry.world import criterion_body

Text = str | tuple[str, ...]
KEYWORDS = {"mark": None, "_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "extensions": "jinja2.ext.i18n"}}
PLACE = re.compile(r"%\((\w+)\)s")


@cache
def wanted() -> frozenset[Text]:
    found = extract_from_dir(CATALOGUES.parent, METHODS, OPTIONS, keywords=KEYWORDS)
    return frozenset(text for _, _, text, _, _ in found)


@cache
def catalogue(tag: str) -> Catalog:
    with (CATALOGUES / tag / "pages.po").open("rb") as file:
        return read_po(file, locale=tag, abort_invalid=True)


def messages(tag: str) -> list[Message]:
    return [message for message in catalogue(tag) if message.id]


def forms(text: Text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_text_of_the_pages_is_in_the_catalogue_and_no_other(tag: str) -> None:
    held = {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for message in messages(tag)
    }
    assert held == wanted()
    assert not catalogue(tag).obsolete


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_text_is_translated_and_keeps_its_places(tag: str) -> None:
    for message in messages(tag):
        translated = forms(message.string)
        assert all(translated), message.id
        assert not message.fuzzy
        allowed = {place for text in forms(message.id) for place in PLACE.findall(text)}
        for text in translated:
            assert set(PLACE.findall(text)) <= allowed, message.id
            assert "%" not in PLACE.sub("", text), message.id
        assert set(PLACE.findall(translated[-1])) == set(PLACE.findall(forms(message.id)[-1]))


def test_the_english_text_is_the_text_of_the_code() -> None:
    other = {message.id for message in messages("en") if message.id != message.string}
    assert not other


@pytest.mark.parametrize("tag", LANGUAGES)
def test_between_two_sentences_is_a_space(tag: str) -> None:
    for message in messages(tag):
        for text in forms(message.string):
            assert not re.search(r"\w[.!?][A-ZÄÖÜÁÉÍÓŐÚŰ][^.]", text), text


@pytest.mark.parametrize("tag", ["de", "hu"])
def test_translations_differ_from_the_english_text(tag: str) -> None:
    same = {message.id for message in messages(tag) if message.id == message.string}
    assert same <= {"Status", "regional", "Register", "Dimension", "Version", "Code"}


def test_every_word_of_the_registers_has_words() -> None:
    status = {one.word for one in Status} | {pages_words.UNDETERMINED}
    assert set(pages_words.STATUSES) == set(pages_words.SHAPES) == status
    assert set(pages_words.SINCE) < status
    assert set(pages_words.BOUNDED) < status
    assert set(pages_words.ACTIONS) == {one.value for one in Action}
    assert set(pages_words.REASONS) == set(get_args(label_decision.ReasonCode))
    assert set(pages_words.WITHHELD) == set(get_args(withhold.Reason))
    assert set(OVERLAYS) == {one.value for one in Overlay}
    known = {"cdl.unknown-code", "cdl.unknown-list", "cdl.unread", "doc.identifier"}
    assert set(FINDINGS) == known | {"lbl.duplicate"}
    assert set(HOLDER_FINDINGS) == known
    assert set(pages_words.KEY_ROLES) == {role.value for role in Role}
    assert set(pages_words.MEMBERSHIPS) == set(get_args(site_membership.Status))
    assert set(register_words.HOLDERS) == set(get_args(organisation.ActorType))
    assert set(register_words.SCALES) == set(get_args(offering.Scale))
    assert set(register_words.RELATIONS) == {one.value for one in Kind}
    assert set(register_words.RESULTS) == {one.value for one in Result}
    assert set(register_words.RESULT_STYLES) == set(register_words.RESULTS)
    assert set(register_words.LEVELS) == {one.value for one in Level}
    for table, body, field in (
        (register_words.ORGANISATIONS, organisation.Body, "status"),
        (register_words.OFFERED, offering.Body, "status"),
        (pages_words.KINDS, offering.Body, "kind"),
        (pages_words.SCHEME_KINDS, scheme.Body, "kind"),
        (pages_words.STANDINGS, scheme.Body, "status"),
        (pages_words.STANDINGS, criterion.Body, "status"),
        (pages_words.DIMENSIONS, criterion.Body, "dimension"),
        (pages_words.OBLIGATIONS, criterion.Body, "obligation"),
        (pages_words.JUDGED, criterion.Body, "kind"),
    ):
        assert set(table) == set(get_args(body.__annotations__[field])), field


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, "", "en"),
        ("hu", "de", "hu"),
        ("fr", "de", "de"),
        ("HU", "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "fr,hu;q=0.5,de;q=0.7", "de"),
        (None, "hu;q=0,de;q=0", "en"),
        (None, "HU", "hu"),
        (None, "hu;q=x,de;q=0.1", "de"),
        (None, "hu;q=9999999,;;q=,,=", "en"),
        (None, "*", "en"),
    ],
)
def test_chooses_the_language_asked_for_then_the_most_accepted(
    asked: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(asked=asked, accepted=accepted, default="en") == chosen


@pytest.mark.parametrize(
    ("country", "tag", "written"),
    [
        ("AT", "de", "26. Jänner 2026"),
        ("DE", "de", "26. Januar 2026"),
        ("HU", "hu", "2026. január 26."),
        ("HU", "en", "26 January 2026"),
        ("AT", "en", "26 January 2026"),
        ("ZZ", "de", "26. Januar 2026"),
    ],
)
def test_writes_dates_as_the_country_does(country: str, tag: str, written: str) -> None:
    day = zoned(1_769_425_200_000, "Europe/Vienna").date()
    assert load_languages(country)[tag].write_day(day) == written


@pytest.mark.parametrize(
    ("country", "tag", "written"),
    [
        ("AT", "en", "27,088.5"),
        ("HU", "en", "27,088.5"),
        ("DE", "en", "27,088.5"),
        ("IE", "en", "27,088.5"),
        ("DE", "de", "27.088,5"),
        ("AT", "hu", "27\xa0088,5"),
    ],
)
def test_writes_numbers_as_readers_of_the_language_do(country: str, tag: str, written: str) -> None:
    assert load_languages(country)[tag].write_number(27_088.5) == written


def test_a_moment_that_is_still_to_come_is_not_just_now() -> None:
    english, now = Language("en", country="AT"), 1_769_425_200_000
    words = pages_words.Words(english, zone="Europe/Vienna", now=now)
    assert words.moment(now - 180_000) == "11:57, 3 minutes ago"
    assert words.moment(now) == words.moment(now + 2_000) == "12:00, just now"
    # The clock was set back since, or another site's is ahead.
    assert words.moment(now + 3_600_000) == "13:00"


@pytest.mark.parametrize(
    ("tag", "told", "written"),
    [
        ("en", {"operator": ">="}, "at least 50%"),
        ("en", {}, "at least 50%"),
        ("en", {"operator": "="}, "exactly 50%"),
        ("de", {"operator": "<="}, "höchstens 50\xa0%"),
        ("hu", {"operator": "<=", "unit": "KGM", "threshold_scale": 3}, "legfeljebb 5 KGM"),
        ("en", {"threshold": UNSET}, ""),
    ],
)
def test_says_on_which_side_of_a_threshold_a_value_must_be(
    tag: str, told: dict[str, Any], written: str
) -> None:
    body = criterion_body() | {"kind": "threshold", "threshold": 5000, "threshold_scale": 2}
    told = body | {"unit": "P1"} | told
    kept = {name: value for name, value in told.items() if value is not UNSET}
    words = pages_words.Words(Language(tag, country="AT"), zone="Europe/Vienna", now=0)
    assert words.threshold(msgspec.convert(kept, criterion.Body)) == written


def test_says_how_many_in_every_language() -> None:
    singular, plural = "%(count)s month", "%(count)s months"
    said = [
        (
            one.translations.ngettext(singular, plural, 1),
            one.translations.ngettext(singular, plural, 2),
        )
        for one in (Language(tag, country="AT") for tag in LANGUAGES)
    ]
    assert said == [
        ("%(count)s Monat", "%(count)s Monate"),
        ("%(count)s month", "%(count)s months"),
        ("%(count)s hónap", "%(count)s hónap"),
    ]


def test_chooses_a_name_in_the_readers_language_then_the_sites_then_any() -> None:
    german = Language("de", country="AT")
    names = {"hu": "szék", "de-AT": "Sessel", "en": "chair"}
    assert german.choose(names) == ("de-AT", "Sessel")
    assert german.choose({"hu": "szék", "en": "chair"}, others=("hu",)) == ("hu", "szék")
    assert german.choose({"sl": "stol", "fr": "chaise"}) == ("fr", "chaise")
    assert german.choose({}) == ("", "")
