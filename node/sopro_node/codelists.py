"""The lists of codes that the coordinator has published, and what this node holds to them."""

from typing import Final

import msgspec

from sopro_node.drafting import Draft
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_protocol.errors import FormatError, NotFoundError, SoproError
from sopro_registry.catalogue import FAMILIES
from sopro_registry.codelists import (
    Codes,
    Finding,
    List,
    check_code,
    codes_of,
    find_wrong_codes,
    parse_list,
)
from sopro_registry.families import codelist

_CODED: Final = ("organisation", "offering")
_PUBLIC: Final = 0
_MOST: Final = 64


class CodeLists:
    """Lists as their documents are here; a list is read once and kept as long as it is asked for.

    Used on one thread.
    """

    def __init__(self, reader: Reader, holdings: Holdings) -> None:
        self._reader = reader
        self._holdings = holdings
        # By log and position: another record may name the same digest, and not have the document.
        self._parsed: dict[tuple[int, int], Codes] = {}

    def find(self, name: str, version: str = "") -> List | None:
        """Return a version of a list, or the latest; None where none is published."""
        found = self._holdings.directory.codelist(name, version=version)
        if found is None:
            return None
        return List(found[1].version, self._read(*found))

    def get(self, name: str, version: str = "") -> tuple[codelist.Body, Codes]:
        """Return a version of a list, or the latest, with its codes.

        Raises:
            NotFoundError: it is not published, or its document is not here.
        """
        published = self._holdings.directory.codelist(name, version=version)
        named = f"{name[:64]} {version[:64]}".strip()
        if published is None:
            raise NotFoundError(
                f"no list {named!r} is known here; 'sopro codelist list' shows those that are"
            )
        held = self.find(name, version)
        if held is None or held.codes is None:
            raise NotFoundError(
                f"the list {named!r} is published, and its codes are not on this node yet; sync, "
                "and try again"
            )
        return published[1], held.codes

    def _read(self, index: int, body: codelist.Body) -> Codes | None:
        """Return the codes of a list, read once; None where its document is not here any more."""
        log = (self._holdings.coordinator or self._holdings.own).number
        where = (log, index)
        if self._reader.documents.visibility(log, index, 0) != _PUBLIC:
            self._parsed.pop(where, None)
            return None
        if where not in self._parsed:
            row = self._reader.documents.get(log, index, 0)
            try:
                codes = parse_list(row.content if row else b"", digest=body.digest, size=body.size)
            except FormatError:
                # Another document than the record pins: as if there were none.
                return None
            while len(self._parsed) >= _MOST:
                del self._parsed[next(iter(self._parsed))]
            self._parsed[where] = codes
        return self._parsed[where]

    def findings(self, body: msgspec.Struct) -> list[Finding]:
        """Say which codes of a record do not stand in the lists they are from (SPEC CDL-3)."""
        return find_wrong_codes(body, self.find)

    def object_to(self, draft: Draft) -> SoproError | None:
        """Say why a draft of this site may not be appended: a code that its list does not have."""
        if draft.family not in _CODED:
            return None
        try:
            body = msgspec.convert(
                dict(draft.values), FAMILIES[draft.family].body, builtin_types=(bytes,)
            )
        except msgspec.ValidationError:
            return None  # The append says what does not fit.
        try:
            for coded in codes_of(body):
                check_code(coded, self.find)
        except SoproError as error:
            return error
        return None
