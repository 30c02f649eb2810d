"""Lines of totals below a table: no rows of a register, though they stand in its columns."""

from collections.abc import Sequence
from typing import Final

from sopro_node.importing.countries import fold
from sopro_node.importing.guess_text import Lines, quote

_WORDS: Final = {
    *("total", "totals", "sum", "summe", "gesamt", "gesamtsumme", "insgesamt", "zusammen"),
    *("osszesen", "mindosszesen", "osszeg", "somme", "totale", "totaal", "celkem", "spolu"),
    *("razem", "suma", "skupaj", "ukupno"),
}
_LAST: Final = 3


def find_totals(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[str, Sequence[str]] | None:
    """Return the column in which lines of totals say what they are, and their words there."""
    found: dict[str, list[str]] = {}
    for cells in rows[-_LAST:]:
        pairs = zip(header, cells, strict=False)
        filled = [(name, text) for name, cell in pairs if (text := cell.strip())]
        is_sparse = 0 < 2 * len(filled) <= len(header) + 1
        if is_sparse and filled[0][0] and set(fold(filled[0][1]).split()[:1]) & _WORDS:
            found.setdefault(filled[0][0], []).append(filled[0][1])
    return next(iter(found.items()), None)


def write_totals(kind: str, found: tuple[str, Sequence[str]] | None, lines: Lines) -> None:
    """Write that such lines are passed over."""
    if found is None:
        return
    column, words = found
    lines.table(f"{kind}.skip.{quote(column)}")
    for word in dict.fromkeys(words):
        lines.pair(quote(word), quote("a line of totals"), "is it?")
