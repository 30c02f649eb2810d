"""Lists of codes: their documents, and whether the codes of a record stand in the list they name.

A document plays no part in any state (SPEC DOC-7). So a code that its list does not have is a
finding on a mirrored record, and a reason to refuse a draft of our own (SPEC CDL-3).
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final, NamedTuple, TypeAlias

from msgspec import Meta, Struct, UnsetType

from sopro_protocol.encoding import TEXT_PATTERN, Canonical, Value, decode, encode
from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.families import offering, organisation
from sopro_registry.fields import Code, LanguageTag

MAX_LIST: Final = 16 * 1024 * 1024
MAX_CODES: Final = 100_000
MAX_MEANING: Final = 2_000
CODE: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
TAG: Final = re.compile("[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")


_Meaning: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=MAX_MEANING, pattern=TEXT_PATTERN)
]


class _Document(Struct, frozen=True):
    """The document of a list, as one without anything unknown is."""

    codes: Annotated[
        dict[Code, Annotated[dict[LanguageTag, _Meaning], Meta(min_length=1)]],
        Meta(min_length=1, max_length=MAX_CODES),
    ]


_READER: Final = Canonical(_Document)
Codes: TypeAlias = Mapping[str, Mapping[str, str]]
"""The codes of a list, each with what it means by language."""


class Coded(NamedTuple):
    """A code in a record, and the list it is from.

    Attributes:
        field: of the record's body.
        code: as it stands in the list.
        list: the list's code.
        version: of the list; empty for the latest.
        is_named: whether the record names the list; else it counts only where there is one.
    """

    field: str
    code: str
    list: str
    version: str
    is_named: bool


class Finding(Struct, frozen=True):
    """Something about a record that is wrong and makes it void for nobody.

    Attributes:
        code: which rule it breaks.
        message: for people.
        about: the number of another label that it is about, where there is one.
    """

    code: str
    message: str
    about: str = ""


class List(NamedTuple):
    """A version of a list as this node has it; `codes` is None where its document is not here."""

    version: str
    codes: Codes | None


Find = Callable[[str, str], List | None]
"""Finds a list by its code and its version (empty: the latest); None where there is none."""


def format_list(codes: Codes) -> bytes:
    """Write the document of a list.

    Raises:
        FormatError: a code or a language is none, or there are too many.
    """
    content = encode({"codes": {code: dict(meaning) for code, meaning in codes.items()}})
    if len(content) > MAX_LIST:
        raise FormatError(
            f"codelist: {len(content)} bytes, at most {MAX_LIST} fit; leave languages out",
            code="cdl.document",
        )
    parse_list(content, digest=hashlib.sha256(content).digest(), size=len(codes))
    return content


def parse_list(content: bytes, *, digest: bytes, size: int) -> Codes:
    """Read the document of a list and hold it to its record.

    Raises:
        FormatError: `cdl.document` where it is another document, or no list.
    """
    if hashlib.sha256(content).digest() != digest:
        raise FormatError("codelist: the document has another digest", code="cdl.document")
    read = _READER.read(content)
    if read is not None and len(read.codes) == size:
        return read.codes
    # Slower, and says what is wrong with it.
    value = decode(content, limit=MAX_LIST)
    codes = value.get("codes") if isinstance(value, Mapping) else None
    if not isinstance(codes, Mapping) or len(codes) != size or not 0 < size <= MAX_CODES:
        raise FormatError(
            f"codelist: expected a map of {size} codes, at most {MAX_CODES}", code="cdl.document"
        )
    return {code: _read_meaning(code, meaning) for code, meaning in codes.items()}


def _read_meaning(code: str, meaning: Value) -> Mapping[str, str]:
    if not CODE.fullmatch(code):
        raise FormatError(f"codelist: {code[:80]!r} is no code", code="cdl.document")
    if not isinstance(meaning, Mapping) or not meaning:
        raise FormatError(f"codelist: code {code!r} has no meaning", code="cdl.document")
    read: dict[str, str] = {}
    for tag, text in meaning.items():
        if not TAG.fullmatch(tag) or len(tag) > 35:
            raise FormatError(f"codelist: {tag[:40]!r} is no language", code="cdl.document")
        if not isinstance(text, str) or not 0 < len(text) <= MAX_MEANING:
            raise FormatError(
                f"codelist: expected what {code!r} means in {tag!r}, 1 to {MAX_MEANING} characters",
                code="cdl.document",
            )
        read[tag] = text
    return read


def codes_of(body: Struct) -> list[Coded]:
    """Return the codes of an organisation or an offering; none of another record."""
    found: list[Coded] = []
    if isinstance(body, offering.Body):
        found += [Coded("cpv", code, "cpv", "", is_named=False) for code in body.cpv or ()]
    elif isinstance(body, organisation.Body):
        if isinstance(body.nuts, str):
            found.append(Coded("nuts", body.nuts, "nuts", "", is_named=False))
        for activity in body.activities or ():
            # NACE codes stand behind their revision; one without it names no list.
            version, colon, code = activity.partition(":")
            if colon:
                found.append(Coded("activities", code, "nace", version, is_named=False))
    else:
        return []
    named = [] if isinstance(body.codes, UnsetType) else body.codes
    return found + [Coded("codes", one.code, one.list, one.version, is_named=True) for one in named]


def find_wrong_codes(body: Struct, find: Find) -> list[Finding]:
    """Say which codes of a record do not stand in the lists they are from (SPEC CDL-3)."""
    findings = []
    for coded in codes_of(body):
        try:
            check_code(coded, find)
        except RefusedError as error:
            findings.append(Finding(error.code, str(error)))
    return findings


def check_code(coded: Coded, find: Find) -> None:
    """Hold a code to its list.

    Raises:
        RefusedError: `cdl.unknown-list` where a record names a list or version that is not there,
            `cdl.unread` where its document is not here, `cdl.unknown-code` where the list does
            not have the code.
    """
    where = f"{coded.field}: {coded.code!r}"
    named = f"{coded.list} {coded.version}".strip()
    held = find(coded.list, coded.version)
    if held is None and coded.is_named:
        raise RefusedError(
            f"{where} is from the list {named}, which the coordinator has not published; "
            "'sopro codelist list' shows those that there are",
            code="cdl.unknown-list",
        )
    if held is None:
        return
    if held.codes is None:
        raise RefusedError(
            f"{where} cannot be checked: the list {named} is not on this node yet; sync, and "
            "try again",
            code="cdl.unread",
        )
    if coded.code not in held.codes:
        raise RefusedError(
            f"{where} is no code of the list {coded.list}, version {held.version}; "
            f"'sopro codelist show' lists its {len(held.codes)} codes",
            code="cdl.unknown-code",
        )
