"""Which column of a file is which field, and what stands in it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sopro_node.importing.countries import country_code, fold, nearest_country
from sopro_node.importing.country_names import SIGNS
from sopro_node.importing.days import DATE_FORMATS, INSTANT, ISO, LOCAL, formats_of
from sopro_node.importing.fields import ASSESSED, FIELDS, Form, Kind
from sopro_node.importing.guess_text import quote
from sopro_node.importing.guess_words import HEADERS, IDENTIFIERS, NO_DAY
from sopro_registry.identifiers import check_gtin, check_identifier

_MOST: Final = 0.9
# Of a column that is called like its field.
_MANY: Final = 0.6
_MOST_FORMS: Final = 4
_ISO: Final = "%Y-%m-%d"
MOST_WORDS: Final = 40
_SEMANTIC: Final = re.compile(r"[A-Z]{5}-[^|;]+([|;][A-Z]{5}-[^|;]+)*")
_REFERENCES: Final = {"label", "offering", "organisation"}
_NUMBER: Final = re.compile(r"SOPRO/[A-Z0-9]{3}/[0-9]{3}/[0-9]{5,9}")
_GRADE: Final = re.compile(r"[A-F][+-]?")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,9}[.,][0-9]{1,4}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,4}")
_DAYS: Final = {one.name for fields in FIELDS.values() for one in fields if one.form is Form.DATE}
_JUDGED: Final[Mapping[str, Callable[[str], object]]] = {
    "country": lambda text: country_code(text) or text.upper() in SIGNS or nearest_country(text),
    "gtin": lambda text: check_gtin(text) is None,
    "criteria_version": _VERSION.fullmatch,
}


_NO_DAY: Final = frozenset(NO_DAY.split())


@dataclass(frozen=True)
class Column:
    """A column with what stands in its first rows.

    Attributes:
        name: as the header has it.
        folded: as names are compared, with _ for space.
        values: those that are not empty.
        rows: how many there were.
    """

    name: str
    folded: str
    values: Sequence[str]
    rows: int

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return len(self.values) == self.rows == len(set(self.values)) > 0

    def share(self, fits: Callable[[str], object]) -> float:
        """Return the share of the values that something holds of."""
        return sum(map(bool, map(fits, self.values))) / len(self.values) if self.values else 0.0


def find_columns(
    kind: Kind, columns: Sequence[Column], headers: Mapping[str, str] | None = None
) -> dict[str, Column]:
    """Find the column of each field, each once: by the order of the words, then of the fields.

    Args:
        kind: of the rows.
        columns: of the file.
        headers: what columns are called, where it is not as usual for the kind.
    """
    found: dict[str, Column] = {}
    taken: set[str] = set()
    for name, words in (headers or HEADERS[kind]).items():
        ranked = words.split()
        candidates = [
            (rank, at, column)
            for at, column in enumerate(columns)
            if column.name not in taken
            and (rank := _rank(column, ranked, is_whole=name in _REFERENCES)) is not None
        ]
        for _, _, column in sorted(candidates, key=lambda one: one[:2]):
            if _fits(kind, name, column):
                found[name] = column
                taken.add(column.name)
                break
    if kind is Kind.ORGANISATIONS and "country" not in found:
        for column in columns:
            if column.name not in taken and column.share(country_code) > _MOST:
                found["country"] = column
                break
    if "key" not in found and kind not in ASSESSED:
        free = [
            one
            for one in columns
            if one.is_unique and one.name not in taken and not _is_measured(one)
        ]
        found |= {"key": free[0]} if free else {}
    return found


def unread_days(
    headers: Mapping[str, str], columns: Sequence[Column], found: Mapping[str, Column]
) -> Iterator[tuple[str, Column]]:
    """Go through columns that are called like days, and hold what is not read as such.

    Args:
        headers: what columns are called, by field.
        columns: of the file.
        found: column of each field.
    """
    taken = {one.name for one in found.values()}
    for name in headers:
        if name not in _DAYS or name in found:
            continue
        words = headers[name].split()
        for column in columns:
            is_named_so = column.folded in words and column.name not in taken
            if is_named_so and column.values and date_of(column) is None:
                taken.add(column.name)
                yield name, column
                break


def _is_measured(column: Column) -> bool:
    """Say whether a column holds days, scores or grades: no keys, though no two are the same."""
    is_grade = column.share(_GRADE.fullmatch) > _MANY
    return is_grade or column.share(_DECIMAL.fullmatch) > _MANY or date_of(column) is not None


def is_named(column: Column, words: Sequence[str]) -> bool:
    """Say whether a column is called like one of some words."""
    return _rank(column, words) is not None


def _rank(column: Column, words: Sequence[str], *, is_whole: bool = False) -> int | None:
    """Say how well a column is named: as one of the words, or with one of them at an end."""
    for rank, word in enumerate(words):
        if column.folded == word:
            return rank
    for rank, word in enumerate(words):
        if (
            not is_whole
            and len(word) > 3
            and (column.folded.startswith(f"{word}_") or column.folded.endswith(f"_{word}"))
        ):
            return len(words) + rank
    return None


def _fits(kind: Kind, name: str, column: Column) -> bool:
    """Say whether what stands in a column may be values of a field."""
    if name in _DAYS:
        return bool(column.values) and date_of(column) is not None
    if name in _JUDGED:
        return column.share(_JUDGED[name]) > (_MANY if name == "country" else _MOST)
    match name:
        case "key":
            # Rows of one label's decisions share its key; of an evaluation there is one row.
            is_full = len(column.values) == column.rows > 0
            return column.is_unique if kind in ASSESSED else is_full
        case "certificate" if kind is Kind.COMPLAINTS:
            return column.share(_NUMBER.fullmatch) > _MOST
        case "status":
            return 0 < len(set(column.values)) <= MOST_WORDS
        case _:
            return bool(column.values)


def unread_countries(values: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Return what a column has for countries that is read as none, and nearly none.

    Each with the code that it is as a sign of cars (empty where it is none), and how often.
    """
    counts = Counter(text for text in values if not (country_code(text) or nearest_country(text)))
    return {
        text: (SIGNS.get(text.upper(), ""), count) for text, count in counts.most_common(MOST_WORDS)
    }


class Days(NamedTuple):
    """How a column writes its days.

    Attributes:
        said: lines of [dates]; none where it writes them as ISO 8601 does.
        others: other forms that it may be as well.
        words: what stands there where there is no day.
    """

    said: tuple[tuple[str, str], ...] = ()
    others: Sequence[str] = ()
    words: Sequence[str] = ()


def date_of(column: Column) -> Days | None:
    """Return how a column writes its days; None where it holds none."""
    words = [text for text in dict.fromkeys(column.values) if says_no_day(text)][:MOST_WORDS]
    rest = Column("", "", [text for text in column.values if not says_no_day(text)], column.rows)
    if rest.share(INSTANT.fullmatch) > _MOST:
        return Days((("kind", quote("instant")),), (), words)
    if rest.share(lambda text: ISO.fullmatch(text) or LOCAL.fullmatch(text)) > _MOST:
        return Days((), (), words)
    fitting = [
        {*formats_of(text), *([_ISO] if ISO.fullmatch(text) else [])} for text in rest.values
    ]
    counts = Counter(form for forms in fitting for form in forms)
    ranked = [one for one in (*DATE_FORMATS, _ISO) if counts[one]]
    forms = [one for one in ranked if counts[one] > _MOST * len(fitting)]
    if forms:
        return Days((("format", quote(forms[0])),), forms[1:], words)
    chosen = _cover(fitting, ranked)
    if not chosen:
        return None
    return Days((("format", f"[{', '.join(map(quote, chosen))}]"),), (), words)


def _cover(fitting: Sequence[set[str]], ranked: Sequence[str]) -> list[str]:
    """Choose few forms by which nearly all of a column are days; none where few are not enough."""
    chosen: list[str] = []
    left = list(fitting)
    while left and len(chosen) < _MOST_FORMS:
        counts = Counter(form for forms in left for form in forms)
        best = max(ranked, key=lambda one: counts[one], default="")
        if not counts[best]:
            break
        chosen.append(best)
        left = [forms for forms in left if best not in forms]
    return chosen if len(left) < (1 - _MOST) * len(fitting) else []


def says_no_day(text: str) -> bool:
    """Say whether a text stands where there is no day: a word for it, or a day of zeros."""
    folded = "_".join(fold(text).split())
    return not folded.replace("0", "").replace("_", "") or folded in _NO_DAY


def scheme_of(column: Column) -> str:
    """Return the scheme of the identifiers of a column, by its name or by their check digits."""
    for scheme, words in IDENTIFIERS.items():
        if column.values and _rank(column, words.split()) is not None:
            return scheme
    for scheme in ("LEI", "SIRET", "VAT"):
        if len(column.values) > 2 and _share_right(scheme, column) > _MOST:
            return scheme
    return ""


def _share_right(scheme: str, column: Column) -> float:
    """Return how many pass their check; of a country without rules, nobody can tell."""
    return column.share(
        lambda text: (
            check_identifier(scheme, text) is None
            and (scheme != "VAT" or (country_code(text[:2]) != "" and len(text) > 7))
        )
    )


def count_right(scheme: str, column: Column) -> str:
    """Say how many values of a column are right by a scheme's rules."""
    right = round(_share_right(scheme, column) * len(column.values))
    return f"{right} of {len(column.values)} pass its check"


def names_schemes(column: Column) -> bool:
    """Say whether the identifiers of a column begin with their schemes, as `VATAT-U38473200`."""
    return column.share(_SEMANTIC.fullmatch) > _MOST
