"""Initiatives and their keywords counted from the file alone: `csv`, `tomllib` and Babel's names.

Kept apart from the importer, as `recount.py` is: countries are compared letter by letter, without
any folding, and keywords are looked up in the mapping's own tables.
"""

import csv
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from babel import Locale, localedata


@dataclass
class Counted:
    """What one country's rows come to.

    Attributes:
        organisations: initiatives.
        offerings: keywords that name a product or service.
        passed_over: keywords that name none, by the mapping's reason.
        refused: keywords that the mapping does not know.
    """

    organisations: int = 0
    offerings: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    refused: int = 0


def names_of(code: str) -> set[str]:
    """Collect how a country may be spelled: its code, and its names in every language of Babel."""
    names = {code.lower()}
    for language in localedata.locale_identifiers():
        name = Locale.parse(language).territories.get(code) if "_" not in language else None
        if name:
            names.add(str(name).lower())
    return names


def recount(
    initiatives: Path, organisations: Path, offerings: Path, countries: Iterable[str]
) -> dict[str, Counted]:
    """Count each country's initiatives and what their keywords name."""
    said = tomllib.loads(organisations.read_text())["values"]["country"]
    mapping = tomllib.loads(offerings.read_text())
    kinds, skipped = mapping["values"]["kind"], mapping["skip"][mapping["each"]["column"]]
    spelled = {name: code for code in countries for name in names_of(code)}
    counts = {code: Counted() for code in countries}
    with initiatives.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            text = row["country_as_entered"].strip()
            code = said.get(text) or spelled.get(text.lower())
            if code not in counts:
                continue
            one = counts[code]
            one.organisations += 1
            parts = {part.strip() for part in row[mapping["each"]["column"]].split(";")} - {""}
            for part in parts or {""}:
                if part in skipped:
                    one.passed_over[skipped[part]] += 1
                elif part in kinds:
                    one.offerings += 1
                else:
                    one.refused += 1
    return counts
