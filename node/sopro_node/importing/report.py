"""What an import has to say to a person: what came in, what did not, and why."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Final, NamedTuple

from sopro_node.importing.duplicates import Duplicate
from sopro_node.importing.fields import Kind
from sopro_node.importing.readings import Reading
from sopro_node.importing.rows import Recognised

MAX_LISTED: Final = 5000
_VALUE: Final = re.compile(
    r", value '(?:[^'\\]|\\.)*'(?:\.\.\.)?|, value \"(?:[^\"\\]|\\.)*\"(?:\.\.\.)?"
)
_MEANT: Final = re.compile(r"; did you mean .*?\?(?=;|$)")
_LINE: Final = re.compile(r"\bline [0-9]+\b|\bentry [0-9]+\b")


@dataclass(slots=True)
class Summary:
    """What came of the rows that were asked for; `read` is the sum of the four after it.

    Attributes:
        read: rows that were asked for.
        appended: rows that became entries of the log; of a dry run, that would.
        new: those of them about what the register did not have.
        changed: the others, which change what it has or go on with it.
        unchanged: rows that were in the log already, or repeat another.
        refused: decisions that a rule forbids; they change nothing.
        bad: rows with an error; they are in the file of bad rows, as the refused ones are.
        left_out: cells that do not fit their field and count as empty, as the mapping has it.
        seconds: it took.
        forbidden: refusals that the mapping's own words did not foresee.
        skipped: rows that the mapping passes over, by [skip] or [only]; `read` lacks them.
    """

    read: int = 0
    appended: int = 0
    unchanged: int = 0
    refused: int = 0
    bad: int = 0
    left_out: int = 0
    seconds: float = 0.0
    forbidden: int = 0
    skipped: int = 0
    new: int = 0
    changed: int = 0


class Fate(StrEnum):
    """What became of a row, or a cell, that did not go in as it stood."""

    BAD = "bad"
    REFUSED = "refused"
    LEFT_OUT = "left out"


class Trouble(NamedTuple):
    """A row or a cell that did not go in, and why."""

    line: int
    fate: Fate
    text: str


class Remark(NamedTuple):
    """What a person should look at in a row that goes its way all the same."""

    line: int
    text: str


class FoundIdentifier(NamedTuple):
    """An identifier that fails its check.

    Attributes:
        line: of the first row that has it.
        name: of the organisation or offering, or its key.
        identifier: as it stands there, its scheme before it.
        fault: `form` or `check`.
        problem: in words.
        suggestion: what is perhaps meant.
        reason: why it was taken all the same; empty where it was not.
    """

    line: int
    name: str
    identifier: str
    fault: str
    problem: str
    suggestion: str
    reason: str


@dataclass
class Report:
    """All that an import says.

    Attributes:
        kind: of the rows.
        file: name of the file.
        is_dry: nothing was changed.
        recognised: what the file was found to be.
        used: columns the mapping names, with what for.
        unused: the others.
        summary: the counts.
        troubles: rows and cells that did not go in, the first of them.
        reasons: how many by fate and reason, also of those that are not listed.
        remarks: what to look at in rows that go their way, the first of them.
        remarked: how many there are.
        skipped: rows that were passed over, by reason.
        spellings: what was read as a code: field, spelling, code; how often.
        identifiers: those that fail their check.
        duplicates: hints at organisations that are in twice.
        not_compared: organisations beyond those that were compared.
        new_people: who is named at this site for the first time, with names that are nearly it.
    """

    kind: Kind
    file: str
    is_dry: bool = False
    recognised: Recognised = field(default_factory=lambda: Recognised("csv"))
    used: Mapping[str, str] = field(default_factory=dict)
    unused: Sequence[str] = ()
    summary: Summary = field(default_factory=Summary)
    troubles: list[Trouble] = field(default_factory=list)
    reasons: Counter[tuple[Fate, str]] = field(default_factory=Counter)
    remarks: list[Remark] = field(default_factory=list)
    remarked: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    spellings: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    identifiers: list[FoundIdentifier] = field(default_factory=list)
    duplicates: Sequence[Duplicate] = ()
    not_compared: int = 0
    new_people: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _known: set[tuple[str, str, str]] = field(default_factory=set)

    def tell(self, line: int, fate: Fate, text: str) -> None:
        """Take note of a row or a cell that did not go in."""
        if len(self.troubles) < MAX_LISTED:
            self.troubles.append(Trouble(line, fate, text))
        self._count(self.reasons, (fate, _reason_of(text)))

    def remark(self, line: int, text: str) -> None:
        """Take note of what a person should look at in a row."""
        self.remarked += 1
        if len(self.remarks) < MAX_LISTED:
            self.remarks.append(Remark(line, text))

    def skip(self, reason: str) -> None:
        """Take note of a row that was passed over."""
        self.summary.skipped += 1
        self._count(self.skipped, reason)

    def _count(self, counter: Counter[Any], key: Any) -> None:
        """Count without ever holding more reasons than a person would read."""
        if key in counter or len(counter) < MAX_LISTED:
            counter[key] += 1

    def identify(self, line: int, reading: Reading) -> None:
        """Take note of identifiers that fail their check, of each row's thing once."""
        key = " / ".join(reading.key)
        fields = reading.item.fields if reading.item else {}
        name = str(fields.get("legal_name", "")) or key
        for one in reading.identifiers:
            place = (key, one.scheme, one.value)
            if one.flaw is None or place in self._known or len(self._known) >= MAX_LISTED:
                continue
            self._known.add(place)
            flaw = one.flaw
            shown = one.value if one.scheme == "GTIN" else f"{one.scheme}-{one.value}"
            self.identifiers.append(
                FoundIdentifier(
                    *(line, name, shown),
                    *(flaw.fault.value, flaw.problem, flaw.suggestion, one.reason),
                )
            )

    def as_json(self) -> dict[str, Any]:
        """Return the counts and what the report says beyond them, for programs."""
        counts = asdict(self.summary)
        del counts["forbidden"]
        known = self.recognised._asdict()
        faults = Counter(one.fault for one in self.identifiers)
        kinds = Counter(one.kind for one in self.duplicates)
        return {
            **counts,
            "dry_run": self.is_dry,
            "recognised": {name: value for name, value in known.items() if value},
            "columns": {"used": dict(self.used), "unused": list(self.unused)},
            "problems": [one._asdict() for one in self.troubles],
            "reasons": [
                {"fate": fate, "reason": reason, "count": count}
                for (fate, reason), count in self.reasons.most_common()
            ],
            "remarks": [one._asdict() for one in self.remarks],
            "skipped_because": [
                {"reason": reason, "count": count} for reason, count in self.skipped.most_common()
            ],
            "spellings": [
                {"field": name, "spelling": text, "code": code, "count": count}
                for (name, text, code), count in self.spellings.items()
            ],
            "identifiers": {
                "form": faults["form"],
                "check": faults["check"],
                "found": [one._asdict() for one in self.identifiers],
            },
            "duplicates": {
                "identifier": kinds["identifier"],
                "name": kinds["name"],
                "not_compared": self.not_compared,
                "found": [one._asdict() for one in self.duplicates[:MAX_LISTED]],
            },
            "new_people": [
                {"name": name, "near": list(near)}
                for name, near in islice(self.new_people.items(), MAX_LISTED)
            ],
        }


def _reason_of(text: str) -> str:
    """Return what a problem says without the value it says it of."""
    return _LINE.sub("an earlier line", _MEANT.sub("", _VALUE.sub("", text)))[:300]
