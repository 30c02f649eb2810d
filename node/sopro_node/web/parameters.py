"""The parameters that several questions share."""

import re
from collections.abc import Callable
from typing import Final, get_args

from sopro_node.conditions import (
    Condition,
    ask_activity,
    ask_holder,
    ask_identifier,
    ask_item,
    ask_listed,
    ask_procurement,
    ask_region,
    ask_scale,
    ask_words,
)
from sopro_node.reckoning import MOST_DAYS
from sopro_node.web.operations import Asked, Parameter, free_text, one_of, text_like, whole_number
from sopro_protocol.errors import FormatError
from sopro_registry.certificate_number import SPELLINGS, fold_number
from sopro_registry.families import offering, organisation
from sopro_registry.label import Status
from sopro_registry.overlays import Overlay
from sopro_registry.queries import UNDETERMINED
from sopro_registry.terms import MOST_ASKED, count_words

LONGEST: Final = 200
STATUSES: Final = (*(status.word for status in Status), UNDETERMINED)
OVERLAYS: Final = tuple(one.value for one in Overlay)
HOLDERS: Final = get_args(organisation.ActorType)
SCALES: Final = get_args(offering.Scale)
CATEGORY: Final = (
    r"cpv:[0-9]{2,8}(-[0-9])?|nace:[1-9](\.[0-9])?:[0-9]{2}(\.[0-9]{1,2})?"
    # Sections are known of these revisions only; of others nothing would be found below one.
    r"|nace:(2(\.0)?:[A-U]|2\.1:[A-V])"
    r"|code:[A-Za-z0-9._-]{1,64}:[A-Za-z0-9._-]{1,64}"
)
REGION: Final = r"[A-Z]{2}[A-Z0-9]{0,3}"
_SITE: Final = r"[a-z][a-z0-9-]{0,31}"
_ENTITY: Final = r"[0-9a-f]{32}"
_CODE: Final = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
_HEX: Final = re.compile(_ENTITY)


def _read_entity(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise FormatError(
            f"entity: expected 32 hexadecimal digits, got {text[:40]!r}", code="err.query"
        )
    return bytes.fromhex(text)


def _read_category(text: str) -> Condition:
    sort, _, code = text.partition(":")
    asks = {"cpv": ask_procurement, "nace": ask_activity, "code": ask_listed}
    return asks[sort](code)


def _read_words(text: str) -> list[Condition]:
    asked = free_text("q", "", most=LONGEST).read(text)
    if (count := count_words(asked)) > MOST_ASKED:
        raise FormatError(
            f"q: at most {MOST_ASKED} words are looked for, got {count}; leave some out",
            code="err.query",
        )
    return ask_words(asked)


def _inside(name: str, words: str, pattern: str, read: Callable[[str], object] = str) -> Parameter:
    """Describe a part of a path; what does not fit is not found there."""
    return Parameter(name, words, {"type": "string", "pattern": f"^{pattern}$"}, read)


def _read_number(text: str) -> str:
    """Read a number in any spelling; what is none stays as it is, and no label has it."""
    text = text.replace("%2F", "/").replace("%2f", "/")
    return fold_number(text) or text


# Without its pattern: what makes requests from a description sends no slash inside a parameter.
NUMBER: Final = Parameter(
    "number",
    "a certificate number in any spelling; its slashes may stand as %2F",
    {"type": "string", "minLength": 1, "examples": ["SOPRO/AT0/001/00001"]},
    _read_number,
)
SITE_INSIDE: Final = _inside("site", "the code of a site", _SITE)
ENTITY: Final = _inside("entity", "an entity, 32 hexadecimal digits", _ENTITY, _read_entity)
EPOCH: Final = _inside("epoch", "the epoch of a log", "[1-9][0-9]{0,5}")
SITE: Final = text_like("site", "the code of a site", _SITE, example="at")
SCHEME: Final = text_like("scheme", "the code of a scheme", _CODE, example="sopro")
NUMBER_ASKED: Final = text_like(
    "number",
    "a certificate number",
    SPELLINGS,
    example="SOPRO/AT0/001/00001",
    read=_read_number,
)
NUMBER_AFTER: Final = free_text("after", "a number; the list begins behind it", most=LONGEST)
ENTITY_AFTER: Final = text_like(
    "after",
    "32 hexadecimal digits",
    _ENTITY,
    example="00112233445566778899aabbccddeeff",
    read=bytes.fromhex,
    default=b"",
)
CURSOR: Final = free_text("after", "the 'next' of the page before", most=400)
STATUS: Final = one_of("status", "how the label stands on the day", STATUSES)
OVERLAY_IN: Final = one_of(
    "overlay", "what lies over the status, such as that surveillance is overdue", OVERLAYS
)
DAYS: Final = whole_number("days", "within how many days", least=0, most=MOST_DAYS, default=90)
FEW: Final = whole_number("limit", "how many at most", least=1, most=100, default=20)
TEXT: Final = Parameter(
    "q",
    "words of a name, a place or a description, in any spelling; of three letters or more also "
    "what begins with them",
    {"type": "string", "maxLength": LONGEST},
    _read_words,
    (),
)
CATEGORY_IN: Final = text_like(
    "category",
    "a procurement code, an activity with its NACE revision or a code of a published list, "
    "with all below it",
    CATEGORY,
    example="nace:2.1:38.2",
    read=_read_category,
    default=None,
)
REGION_IN: Final = text_like(
    "region",
    "a NUTS code, with all within it",
    REGION,
    example="AT13",
    read=ask_region,
    default=None,
)
SCALE_IN: Final = one_of("scale", "how far the effect of what is offered reaches", SCALES)
HOLDER_IN: Final = one_of("holder", "the type of organisation", HOLDERS)
IDENTIFIER: Final = free_text("identifier", "an identifier of an organisation", most=80)
ITEM: Final = text_like("gtin", "a trade item number", r"[0-9]{8,14}", example="4006381333931")
CONDITIONS: Final = (TEXT, CATEGORY_IN, REGION_IN, SCALE_IN, HOLDER_IN, IDENTIFIER, ITEM)


def conditions_of(asked: Asked) -> list[Condition]:
    """Return what the parameters of `CONDITIONS` ask for."""
    found = [*asked["q"], *(one for one in (asked["category"], asked["region"]) if one)]
    for name, ask in (
        ("scale", ask_scale),
        ("holder", ask_holder),
        ("identifier", ask_identifier),
        ("gtin", ask_item),
    ):
        if asked[name]:
            found.append(ask(asked[name]))
    return found
