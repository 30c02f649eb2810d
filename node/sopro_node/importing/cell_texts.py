"""Texts that people read, each with its language, from the cells of a row."""

from collections.abc import Sequence
from functools import partial

from sopro_node.importing.cell_access import CellAccess, checked
from sopro_node.importing.fields import Field
from sopro_node.importing.mapping_parts import SourceMapping, TextColumn, listed
from sopro_node.importing.texts import read_json_texts
from sopro_node.importing.values import CellError, ValueReader, check_type, clean


class TextReader:
    """Reads texts by the mapping."""

    def __init__(self, mapping: SourceMapping, cells: CellAccess, values: ValueReader) -> None:
        self._mapping = mapping
        self._cells = cells
        self._values = values

    def read(self, one: Field, cells: Sequence[str]) -> dict[str, str]:
        """Read a text in every language that the row has it in.

        Raises:
            CellError: a cell is no text, or its language cannot be told.
        """
        texts: dict[str, str] = {}
        for source in self._mapping.texts_of(one.name):
            columns = listed(source.column)
            if source.kind == "json":
                found = self._cells.fits(partial(self._json_texts, one, cells, columns))
                texts = (found or {}) | texts
            elif text := self._cells.first(columns, partial(self._text, one, cells)):
                language = self._language(source, cells)
                text = self._values.translate(f"{one.name}.{language}", text)
                if text:
                    texts.setdefault(language, text)
        return texts

    def _json_texts(
        self, one: Field, cells: Sequence[str], columns: Sequence[str]
    ) -> dict[str, str]:
        texts = {}
        for column in columns:
            for language, found in read_json_texts(self._cells.text(cells, column), column):
                if text := checked(clean(found).replace("\r\n", "\n"), column):
                    check_type(text, one, column)
                    texts[self._values.language(language, column)] = text
        return texts

    def _text(self, one: Field, cells: Sequence[str], column: str) -> str:
        text = self._cells.text(cells, column)
        if text:
            check_type(text, one, column)
        return text

    def _language(self, source: TextColumn, cells: Sequence[str]) -> str:
        column = source.language_column
        if not column:
            return source.language
        tag = self._cells.fits(
            lambda: self._values.language(self._cells.text(cells, column), column)
        )
        if not (tag or source.language):
            raise CellError(column, "", "expected a language, found nothing")
        return tag or source.language
