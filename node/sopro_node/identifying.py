"""Holding the identifiers of this node's own records to the rules of their schemes (SPEC DOC-9)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sopro_node.documents import NewDocument
from sopro_node.structured import read_structured
from sopro_protocol.commitment import STRUCTURED
from sopro_protocol.encoding import Value
from sopro_protocol.errors import FormatError
from sopro_registry.codelists import Finding
from sopro_registry.identifiers import Flaw, check_gtin, check_identifier

OVERRIDES: Final = "identifier_overrides"
_TRADE_ITEM: Final = "GTIN"
_SHOWN: Final = 60
_MOST: Final = 64


def check_own(family: str, values: Mapping[str, Any], documents: Sequence[NewDocument]) -> None:
    """Check the identifiers of a draft before it is signed.

    Raises:
        FormatError: `doc.identifier`: one is wrong and no reason is given for taking it.
    """
    if family == "organisation":
        for fields in _structured(documents):
            _check(_pairs(fields.get("identifiers")), fields)
    elif family == "offering" and values.get("gtin"):
        fields = next(_structured(documents), {})
        _check([(_TRADE_ITEM, str(values["gtin"]))], fields)


def find_flaws(fields: Mapping[str, Value], *, gtin: str = "") -> list[Finding]:
    """Say which identifiers of a record fail, whoever wrote it; a reason beside one excuses it."""
    pairs = [*_pairs(fields.get("identifiers")), *([(_TRADE_ITEM, gtin)] if gtin else [])]
    excused = {(row[0], row[1]) for row in _rows(fields.get(OVERRIDES), 3) if row[2].strip()}
    return [
        Finding(code="doc.identifier", message=f"{scheme} {value[:_SHOWN]!r}: {flaw.problem}")
        for scheme, value in pairs[:_MOST]
        if (flaw := flaw_of(scheme, value)) is not None and (scheme, value) not in excused
    ]


def flaw_of(scheme: str, value: str) -> Flaw | None:
    """Say what is wrong with an identifier or a trade item number."""
    return check_gtin(value) if scheme == _TRADE_ITEM else check_identifier(scheme, value)


def describe_flaw(flaw: Flaw, *, is_overridable: str) -> str:
    """Say what is wrong, what is perhaps meant, and how to have it taken all the same."""
    meant = f"; did you mean {flaw.suggestion!r}?" if flaw.suggestion else ""
    return f"{flaw.problem}{meant}; correct it, or {is_overridable}"


def _check(pairs: Iterable[tuple[str, str]], fields: Mapping[str, Value]) -> None:
    excused = {(row[0], row[1]) for row in _rows(fields.get(OVERRIDES), 3) if row[2].strip()}
    for scheme, value in pairs:
        flaw = flaw_of(scheme, value)
        if flaw is not None and (scheme, value) not in excused:
            how = describe_flaw(flaw, is_overridable="give a reason why it is right all the same")
            raise FormatError(
                f"identifier {scheme} {value[:_SHOWN]!r}: {how}", code="doc.identifier"
            )


def _structured(documents: Sequence[NewDocument]) -> Iterator[Mapping[str, Value]]:
    for document in documents:
        if document.type == STRUCTURED:
            yield read_structured(document.content)


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    for row in _rows(value, 2):
        yield row[0], row[1]


def _rows(value: object, width: int) -> Iterator[list[str]]:
    """Go through an array of arrays of text; what has another form is nobody's identifier."""
    for row in value if isinstance(value, list | tuple) else ():
        if isinstance(row, list | tuple) and len(row) == width:
            yield [str(cell) for cell in row]
