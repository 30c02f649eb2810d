"""What an audit found, as sentences for a person."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_MOST: Final = 20


@dataclass
class Problems:
    """What is wrong, as sentences; of many alike the first ones and their number."""

    sentences: list[str] = field(default_factory=list)
    _alike: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, sentence: str) -> None:
        """Note a problem of a kind."""
        self._alike[kind] += 1
        if self._alike[kind] <= _MOST:
            self.sentences.append(sentence)

    def listed(self) -> list[str]:
        """Return the sentences, and how many more there are of a kind."""
        more = [
            f"and {count - _MOST} more about {kind}"
            for kind, count in self._alike.items()
            if count > _MOST
        ]
        return self.sentences + more


@dataclass
class LogReport:
    """What an audit found about one log.

    Attributes:
        origin: of the log.
        entries: number of them.
        root: computed from them.
        signed_size: of the head whose signature was verified; 0 where none is kept.
        judged: number of entries judged; the rest waits for the coordinator's log.
        void: number of void entries by reason.
        labels: number of labels.
        documents: number of documents checked against their commitments.
        problems: what is wrong.
    """

    origin: str
    entries: int = 0
    root: str = ""
    signed_size: int = 0
    judged: int = 0
    void: dict[str, int] = field(default_factory=dict)
    labels: int = 0
    documents: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What an audit found.

    Attributes:
        audited: directory or URL.
        trusted: where the coordinator's root key was taken from.
        logs: one for each log.
        problems: what is wrong with the whole.
    """

    audited: str
    trusted: str = ""
    logs: list[LogReport] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.problems and not any(log.problems for log in self.logs)
