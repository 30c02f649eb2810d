"""Questions that need nothing but bytes, and the order in which a candidate is asked them.

A case says what it will ask and who judges the answers; nothing is asked while it says so. Then the
questions of several cases are asked in an order that follows from the seed, some of them twice, and
every answer goes back to the check that wanted it. So the place of a question says nothing of its
answer: who has heard the answers to other bytes is not helped by having counted them.
"""

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sopro_conformance.adapter import Adapter, Answer, pack

_AGAIN: Final = 4
"""Of so many questions at most one is asked again, and at least one of a case."""


@dataclass(eq=False)
class Question:
    """A request for the verdict on bytes.

    Attributes:
        request: as it goes to the adapter; what it was made from may change afterwards.
        answers: one, or two where it was asked again.
    """

    request: Mapping[str, Any]
    answers: list[Answer] = field(default_factory=list)

    @property
    def answer(self) -> Answer:
        """The first answer."""
        return (
            self.answers[0]
            if self.answers
            else Answer(error="it was not asked, since the case took too long")
        )

    @property
    def is_same_again(self) -> bool:
        """Whether it was answered in the same way every time; words for people may differ."""
        return len({_verdict(one) for one in self.answers}) < 2


def _verdict(answer: Answer) -> str:
    return repr((answer.code, bool(answer.error), _sorted(answer.ok)))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


Judge: TypeAlias = Callable[..., None]
"""Takes the answers to its questions, in their order, and notes checks."""


@dataclass
class Put:
    """What a case wants to know.

    Attributes:
        place: so many checks had been noted when it was put.
        judge: of the answers.
        questions: that it needs answered.
    """

    place: int
    judge: Judge
    questions: Sequence[Question]


@dataclass
class Questions:
    """The questions of a case.

    Attributes:
        seed: of the case.
        all: each once, as they were put.
        put: what is to be judged by them.
    """

    seed: str
    all: list[Question] = field(default_factory=list)
    put: list[Put] = field(default_factory=list)
    _known: dict[str, Question] = field(default_factory=dict)

    def add(self, kind: str, fields: Mapping[str, Any], *, once: bool = False) -> Question:
        """Return a new question; the one that was put before where it is to be asked once."""
        request = {"verb": "verify", "kind": kind, **pack(dict(fields))}
        key = repr(request) if once else ""
        if key and key in self._known:
            return self._known[key]
        question = Question(request)
        self.all.append(question)
        if key:
            self._known[key] = question
        return question

    def in_turn(self) -> list[tuple[bytes, Question]]:
        """Return the questions, some of them twice, each with its lot: they are asked by these.

        Lots follow from the case's own seed, so that a case is asked in the same order whether it
        is tried with others or alone.
        """
        source = random.Random(f"{self.seed}/again")  # noqa: S311  # repeatable
        most = max(1, len(self.all) // _AGAIN)
        again = source.sample(self.all, min(source.randint(1, most), len(self.all)))
        return [
            (hashlib.sha256(f"{self.seed}/{number}".encode()).digest(), one)
            for number, one in enumerate([*self.all, *again])
        ]


async def ask_all(candidate: Adapter, cases: Sequence[Questions]) -> None:
    """Ask the questions of all these cases, in the order of their lots."""
    drawn = [one for many in cases for one in many.in_turn()]
    for _, question in sorted(drawn, key=lambda one: one[0]):
        fields = {name: one for name, one in question.request.items() if name != "verb"}
        question.answers.append(await candidate.ask("verify", **fields))
