"""A register with one row for each label: who holds it, what it is for, and how it stands now.

The columns of its three kinds must fit one another: the organisation that an offering names is the
key of the organisations, and the offering of a label is what has its number.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sopro_node.importing.fields import EXPIRED, Kind
from sopro_node.importing.guess_columns import Column, date_of, find_columns, is_named
from sopro_node.importing.guess_words import LABEL_NUMBERS, STANDING_HEADERS, STATUS_SINCE, STATUSES

Found = dict[str, Column]
_DAYS: Final = {"granted_on", "effective_date", "valid_until", "valid_from"}
_EXPIRED_WORDS: Final = "expired abgelaufen lejart expire perime wygasl vyprselo istekao poteklo"


def is_of_standing(found: Mapping[str, Column]) -> bool:
    """Say whether rows of decisions are one a label, which has a number or at least a day."""
    if "status" not in found or "key" not in found or not found["key"].is_unique:
        return False
    return bool(_DAYS & found.keys()) or is_named(found["key"], LABEL_NUMBERS.split())


def find_standing(columns: Sequence[Column]) -> Found:
    """Find the columns of labels of which each row says how one stands now."""
    return find_columns(Kind.DECISIONS, columns, STANDING_HEADERS)


def other_days(columns: Sequence[Column], found: Mapping[str, Column]) -> list[Column]:
    """Find more columns that say since when a label has had its status, one for each status."""
    taken = {one.name for name, one in found.items() if name != "effective_date"}
    return [
        one
        for one in columns
        if one.name not in taken
        and is_named(one, STATUS_SINCE.split())
        and one.values
        and date_of(one) is not None
    ]


def fit_together(found: dict[Kind, Found]) -> None:
    """Make the keys of the three kinds those that the others refer to, where all are there."""
    organisations, offerings = found[Kind.ORGANISATIONS], found[Kind.OFFERINGS]
    holder = offerings.get("organisation") or organisations.get("legal_name")
    if holder is None or "name" not in offerings or offerings["name"] == holder:
        return
    organisations.setdefault("legal_name", holder)
    offerings["organisation"] = organisations["key"] = holder
    offerings["key"] = found[Kind.DECISIONS]["key"]
    found[Kind.DECISIONS].pop("offering", None)


def status_words(found: Mapping[str, Column]) -> dict[str, str]:
    """Return what the words of a status mean, where a row says how a label stands now."""
    has_end = bool({"valid_until", "effective_date"} & found.keys())
    words = {EXPIRED: _EXPIRED_WORDS} if has_end else {}
    return (
        words
        | {meaning: known for meaning, known in STATUSES.items() if meaning not in ("renew",)}
        | {"hold": f"{STATUSES['hold']} {STATUSES['renew']} {STATUSES['reinstate']}"}
    )
