"""The fields an import can fill, by kind, and what each expects."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from sopro_protocol.encoding import TEXT_PATTERN
from sopro_registry.application import Step
from sopro_registry.families import (
    complaint,
    evaluation,
    label_decision,
    offering,
    organisation,
)
from sopro_registry.fields import Line, LongLine
from sopro_registry.label import Action

LONG_TEXT: Final = 4000
LongText = Annotated[str, Meta(min_length=1, max_length=LONG_TEXT, pattern=TEXT_PATTERN)]


class Kind(StrEnum):
    """What the rows of a file are."""

    ORGANISATIONS = "organisations"
    OFFERINGS = "offerings"
    DECISIONS = "decisions"
    APPLICATIONS = "applications"
    EVALUATIONS = "evaluations"
    COMPLAINTS = "complaints"


class Form(StrEnum):
    """How a field is read from cells."""

    CODE = "code"
    CODES = "codes"
    DATE = "date"
    LINE = "line"
    TEXTS = "texts"
    IDENTIFIERS = "identifiers"
    KEY = "key"
    ORDER = "order"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind of row.

    Attributes:
        name: in the mapping.
        form: how it is read.
        type: what its value must convert to.
        expected: the same for a person.
        is_public: it goes into the public document, not into the record.
        words: those of a closed vocabulary.
        default: value where a row has none; the field is optional, too, where it is not needed.
        is_needed: a row without it is bad.
        is_asked: it only tells which rows are meant, in [only], and goes nowhere.
    """

    name: str
    form: Form
    type: Any = str
    expected: str = ""
    is_public: bool = False
    words: tuple[str, ...] = ()
    default: str = ""
    is_needed: bool = False
    is_asked: bool = False


_EXPECTED: Final = {
    "activities": "NACE codes such as 2.1:38.21",
    "certificate": "a number like SOPRO/AT0/001/00001",
    "country": "a country code of two capital letters such as AT",
    "cpv": "CPV codes such as 03221000",
    "gtin": "a trade item number",
    "nuts": "a NUTS code such as AT130",
    "scheme": "the code of a scheme such as sopro",
}
_LINE: Final = "text of at most 500 characters, without control characters"
_LONG: Final = f"text of at most {LONG_TEXT} characters, without control characters"


def _of(body: type[msgspec.Struct], name: str, *, form: Form = Form.CODE, **more: Any) -> Field:
    """Describe a field of a record by the type its family gives it."""
    kind = next(one.type for one in msgspec.structs.fields(body) if one.name == name)
    words = _words(kind)
    expected = f"one of {', '.join(words)}" if words else _EXPECTED.get(name, "")
    return Field(name, form, kind, expected, words=words, **more)


def _words(kind: Any) -> tuple[str, ...]:
    """Return the words of a closed vocabulary, also inside a union with 'absent'."""
    if get_origin(kind) is not None and not hasattr(kind, "__metadata__"):
        found = [arg for arg in get_args(kind) if isinstance(arg, str)]
        return tuple(found) or next(filter(None, map(_words, get_args(kind))), ())
    return ()


def _date(body: type[msgspec.Struct], name: str) -> Field:
    return _of(body, name, form=Form.DATE)


def _public(name: str, **more: Any) -> Field:
    return Field(name, Form.LINE, Line, _LINE, is_public=True, **more)


# Rows of several countries' things are told apart by it; an organisation has it as its own.
_COUNTRY: Final = _of(organisation.Body, "country", is_asked=True)
_KEY: Final = Field("key", Form.KEY, is_needed=True)
_VERSION: Final = Field(
    "criteria_version",
    Form.CODE,
    Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}\Z")],
    "the number of a version of the criteria such as 1",
    is_needed=True,
)
_FIRST: Final = Literal["initial", "transfer"]
_STEPS: Final = tuple(one.value for one in Step)
_LATER: Final = ("surveillance", "recertification", "special")
_LATER_TYPE: Final = Literal["surveillance", "recertification", "special"]

FIELDS: Final[dict[Kind, tuple[Field, ...]]] = {
    Kind.ORGANISATIONS: (
        _KEY,
        _public("legal_name", is_needed=True),
        Field("description", Form.TEXTS, LongText, _LONG, is_public=True),
        Field("identifiers", Form.IDENTIFIERS, Line, _LINE, is_public=True),
        _public("street"),
        _public("postal_code"),
        _public("locality"),
        _public("website"),
        _of(organisation.Body, "country", is_needed=True),
        _of(organisation.Body, "actor_type", is_needed=True),
        _of(organisation.Body, "status", default="active"),
        _of(organisation.Body, "activities", form=Form.CODES),
        _of(organisation.Body, "nuts"),
        _date(organisation.Body, "effective_date"),
    ),
    Kind.OFFERINGS: (
        _KEY,
        Field("organisation", Form.KEY, is_needed=True),
        Field("name", Form.TEXTS, Line, _LINE, is_public=True, is_needed=True),
        Field("description", Form.TEXTS, LongText, _LONG, is_public=True),
        _of(offering.Body, "kind", is_needed=True),
        _of(offering.Body, "status", default="published"),
        _of(offering.Body, "cpv", form=Form.CODES),
        _of(offering.Body, "gtin"),
        _date(offering.Body, "effective_date"),
        _COUNTRY,
    ),
    Kind.DECISIONS: (
        _KEY,
        Field("order", Form.ORDER),
        Field("event", Form.KEY),
        Field("offering", Form.KEY),
        Field("status", Form.STATUS, is_needed=True),
        _of(label_decision.Body, "scheme", is_needed=True),
        _of(label_decision.Body, "reason_code"),
        _of(label_decision.Body, "certificate"),
        _COUNTRY,
        *(
            _date(label_decision.Body, name)
            for name in (
                "effective_date",
                "decided_on",
                "valid_from",
                "valid_until",
                "suspended_until",
                "appeal_until",
            )
        ),
        Field("granted_on", Form.DATE),
    ),
    Kind.APPLICATIONS: (
        _KEY,
        Field("organisation", Form.KEY, is_needed=True),
        Field("offering", Form.KEY, is_needed=True),
        _of(label_decision.Body, "scheme", is_needed=True),
        _VERSION,
        Field("kind", Form.CODE, words=("initial", "transfer"), default="initial", type=_FIRST,
              expected="one of initial, transfer"),
        Field("step", Form.CODE, words=_STEPS, default="submitted", type=Step,
              expected=f"one of {', '.join(_STEPS)}"),
        Field("submitted_on", Form.DATE, is_needed=True),
        Field("effective_date", Form.DATE),
        _COUNTRY,
    ),
    Kind.EVALUATIONS: (
        _KEY,
        Field("label", Form.KEY, is_needed=True),
        Field("assessor", Form.LINE, Line, _LINE, is_needed=True),
        _VERSION,
        Field("kind", Form.CODE, words=_LATER, default="surveillance", type=_LATER_TYPE,
              expected=f"one of {', '.join(_LATER)}"),
        _of(evaluation.Body, "level", default="third_party"),
        _of(evaluation.Body, "method", is_needed=True),
        _of(evaluation.Body, "recommendation", default="positive"),
        Field("performed_on", Form.DATE, is_needed=True),
        _COUNTRY,
    ),
    Kind.COMPLAINTS: (
        _KEY,
        Field("label", Form.KEY),
        _of(complaint.Body, "certificate"),
        _of(complaint.Body, "kind", is_needed=True),
        Field("text", Form.LINE, LongLine, _LONG, is_public=True),
        Field("received_on", Form.DATE, is_needed=True),
        Field("withdrawn_on", Form.DATE),
        _COUNTRY,
    ),
}  # fmt: skip

REGISTERED: Final = (Kind.ORGANISATIONS, Kind.OFFERINGS, Kind.DECISIONS)
"""Kinds that a register is made of, in the order in which they come in."""
ASSESSED: Final = (Kind.APPLICATIONS, Kind.EVALUATIONS, Kind.COMPLAINTS)
"""Kinds whose rows are about a label or on the way to one."""

REFERENCES: Final[Mapping[Kind, str]] = {
    Kind.OFFERINGS: "organisation",
    Kind.DECISIONS: "offering",
    Kind.APPLICATIONS: "offering",
    Kind.EVALUATIONS: "label",
    Kind.COMPLAINTS: "label",
}
"""The key of what a row refers to; its own key where it has none."""

HOLD: Final = "hold"
END: Final = "end"
EXPIRED: Final = "expired"
"""Of a register of how labels stand now: held until its validity ended."""
SETS_VALIDITY: Final = (HOLD, Action.GRANT, Action.RENEW, Action.TRANSFER_IN, Action.REINSTATE)
"""Decisions whose dates of validity count; those of others are left aside."""
STATUS_WORDS: Final = (HOLD, END, EXPIRED, *(action.value for action in Action))


def field_of(kind: Kind, name: str) -> Field | None:
    """Find a field by its name in the mapping."""
    return next((field for field in FIELDS[kind] if field.name == name), None)


STANDS_HELD: Final = (HOLD, Action.GRANT, Action.RENEW, Action.REINSTATE, Action.EXTEND_SCOPE)
"""Of how a label stands now: it is held."""
STANDS: Final = (
    *(*STANDS_HELD, END, EXPIRED, Action.SUSPEND, Action.REVOKE, Action.TERMINATE_ON_REQUEST),
)
"""What a word of a register of how labels stand now may mean."""
