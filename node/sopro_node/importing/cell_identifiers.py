"""Identifiers from the cells of a row, each held to the rules of its scheme."""

from collections.abc import Sequence
from functools import partial

from sopro_node.identifying import describe_flaw
from sopro_node.importing.cell_access import CellAccess
from sopro_node.importing.fields import Field
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.readings import Identified
from sopro_node.importing.values import OVERRIDE, CellError, ValueReader, check_type
from sopro_registry.identifiers import check_identifier


class IdentifierReader:
    """Reads identifiers by the mapping.

    Attributes:
        found: those of the row that is being read, with what is wrong with them.
    """

    def __init__(self, mapping: SourceMapping, cells: CellAccess, values: ValueReader) -> None:
        self._mapping = mapping
        self._cells = cells
        self._values = values
        self.found: list[Identified] = []

    def read(self, one: Field, cells: Sequence[str]) -> list[list[str]]:
        """Read the identifiers of a row: each its scheme and its value.

        Raises:
            CellError: one fails its check, and nothing says why it is taken.
        """
        found: list[list[str]] = []
        for column in self._mapping.identifiers:
            text = self._cells.fits(partial(self._cells.text, cells, column.column)) or ""
            mark = column.separator
            for part in text.split(mark) if mark else [text]:
                scheme, until, rest = (
                    part.partition(column.scheme_until) if column.scheme_until else (part, "", "")
                )
                # A space behind the mark is no part of the scheme, and wrong where it stands.
                pair = [scheme.strip(), rest.rstrip()] if until else [column.scheme, part.strip()]
                if not pair[1].strip() or pair in found:
                    continue
                told = partial(self._check, pair, one, column.column, part.strip())
                if self._cells.fits(told):
                    found.append(pair)
        return found

    def _check(self, pair: Sequence[str], one: Field, column: str, written: str) -> bool:
        scheme, value = pair
        check_type(value, one, column)
        flaw = check_identifier(scheme, value)
        reason = self._values.reason_for(scheme, value) if flaw else ""
        self.found.append(Identified(scheme, value, flaw, reason))
        if flaw is not None and not reason:
            how = describe_flaw(flaw, is_overridable=OVERRIDE)
            raise CellError(column, written, how)
        return True
