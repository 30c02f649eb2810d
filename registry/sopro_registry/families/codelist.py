"""codelist/1: a version of a list of codes, in the coordinator's log (SPEC CDL).

The list itself is the record's first document; the record pins its digest.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_protocol.record import Commitment
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes32, CivilDate, Code, Line, Text, Url, day_of

DOCUMENT = "codelist"
"""The name of the document that is the list."""


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a list of codes.

    Attributes:
        digest: SHA-256 of the document that is the list.
        licence: under which it may be used.
        list: its code, for example `cpv`.
        size: number of codes.
        title: by language.
        uri: where it comes from.
        valid_from: civil date from which this version is meant to be used.
        version: as its publisher calls it, for example `2.1` or `2008`.
    """

    digest: Bytes32
    licence: Line | UnsetType = UNSET
    list: Code
    size: Annotated[int, Meta(ge=1, le=100_000)]
    title: Text | UnsetType = UNSET
    uri: Url | UnsetType = UNSET
    valid_from: CivilDate
    version: Code


class State(Struct, frozen=True, array_like=True):
    """Every version of a list, with the position of its record."""

    versions: list[tuple[int, Body]]

    def find(self, version: str) -> tuple[int, Body] | None:
        """Return a version with its position; None where there is none of that name."""
        return next((one for one in self.versions if one[1].version == version), None)


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the list.

    Raises:
        RefusedError: `mem.name` when the list's code is taken or changes, `cdl.version` for a
            version that is there already, `cdl.document` where the record has no list with it,
            `rec.body` for a date that is none.
    """
    body = fact.body
    day_of(body.valid_from, field="valid_from")
    if state is None and view.exists_named("codelist", body.list):
        raise RefusedError(f"codelist: {body.list!r} is another list's code", code="mem.name")
    if state is not None and state.versions[-1][1].list != body.list:
        raise RefusedError("codelist: the code of a list is permanent", code="mem.name")
    if state is not None and state.find(body.version):
        raise RefusedError(
            f"codelist: {body.list!r} has a version {body.version!r} already; a version is never "
            "altered, publish another",
            code="cdl.version",
        )
    _check_document(fact.record.docs)
    versions = [*(state.versions if state else []), (fact.index, body)]
    return Change(State(versions), names=(body.list,))


def _check_document(docs: list[Commitment] | UnsetType) -> None:
    first = None if isinstance(docs, UnsetType) else docs[0]
    if first is None or (first.name, first.visibility) != (DOCUMENT, "public"):
        raise RefusedError(
            f"codelist: its first document must be the list, named {DOCUMENT!r} and public",
            code="cdl.document",
        )


FAMILY = Family("codelist", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
