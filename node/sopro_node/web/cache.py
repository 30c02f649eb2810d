"""What was rendered before, kept in memory within bounds."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from sopro_node.heldlog import HeldLog
from sopro_registry.queries import LabelAnswer
from sopro_registry.witnesses import Publication


class ByteCache:
    """Keeps what was used last, up to a number of bytes; large pieces are not kept at all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._pieces: OrderedDict[Hashable, bytes] = OrderedDict()

    def find(self, key: Hashable) -> bytes | None:
        """Return a piece that is kept."""
        piece = self._pieces.get(key)
        if piece is not None:
            self._pieces.move_to_end(key)
        return piece

    def keep(self, key: Hashable, piece: bytes) -> None:
        """Keep a piece, and let go of what was used longest ago."""
        if len(piece) > self._limit // 16 or key in self._pieces:
            return
        self._pieces[key] = piece
        self._used += len(piece)
        while self._used > self._limit:
            _, dropped = self._pieces.popitem(last=False)
            self._used -= len(dropped)


class Answer(NamedTuple):
    """An answer, and what it rests on.

    Attributes:
        held: the log.
        size: as far as it was judged.
        era: of the holdings then.
        last: position of the label's last decision.
        publication: how far that had come.
        body: as it is served.
    """

    held: HeldLog
    size: int
    era: Hashable
    last: int
    publication: Publication
    body: bytes


class AnswerCache:
    """Answers about labels; each holds for a day, and until its log has grown or come further."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[tuple[str, int], Answer] = OrderedDict()

    def find(self, number: str, day: int, era: Hashable) -> bytes | None:
        """Return an answer that still holds.

        Args:
            number: of the label.
            day: asked about.
            era: of the holdings.
        """
        answer = self._answers.get((number, day))
        if answer is None or (answer.held.cursor.projected, era) != (answer.size, answer.era):
            return None
        is_current = answer.held.publication(answer.last) == answer.publication
        return answer.body if is_current else None

    def keep(
        self, answer: LabelAnswer, day: int, held: HeldLog, era: Hashable, body: bytes
    ) -> None:
        """Keep an answer, and let go of the oldest where there are too many.

        One that rests on more than a log is not kept: it would have to be asked which has grown.
        """
        if answer.publication is None or answer.transfers:
            return
        number, [basis] = answer.number, answer.computed_from
        last = answer.history[-1].index
        self._answers[number, day] = Answer(held, basis.size, era, last, answer.publication, body)
        self._answers.move_to_end((number, day))
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
