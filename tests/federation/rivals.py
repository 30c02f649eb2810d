"""Two histories of one log that race for the cosignature of a witness, again and again.

The log's site does not run; both histories are signed with its key. They part where the witness
stands, so whichever head it cosigns first excludes every head of the other one.
"""

import hashlib
import http.client
import threading
from itertools import count
from typing import NamedTuple

from sopro_node.keyring import load_keys
from sopro_protocol.cosignature import open_cosignature
from sopro_protocol.keys import COSIGNATURE, Role, make_vkey
from sopro_protocol.merkle import leaf_hash, root_of
from sopro_protocol.note import add_signatures, parse_note, parse_signatures
from tests.federation.federation import FEDERATION, Site
from tests.federation.history import Head, History, read_head
from tests.node.witnessing import Author, post

AHEAD = 8
"""By how many entries each history runs ahead of the witness in one race."""
ROUNDS = 6


class Given(NamedTuple):
    """A head that the witness has cosigned, as it answered."""

    size: int
    root: bytes
    time: int


class Rivals:
    """Races for a witness's cosignatures, and what it promised by giving them.

    Attributes:
        given: every head it cosigned.
    """

    def __init__(self, witness: Site, source: Site) -> None:
        """Begin where a source's log ends, which the witness holds and which does not grow."""
        self._witness = witness
        self._source = source
        self._history = History()
        self._history.read_on(witness, source.code)
        public = load_keys(witness.folder, Role.WITNESS)[Role.WITNESS].public_key
        name = f"{FEDERATION}/{witness.code}/witness"
        self._vkey = make_vkey(name, public, key_type=COSIGNATURE)
        self._leaves = list(self._history.leaves)
        self._cosigned = 0
        self._told = 0
        self._races = count()
        self._authors: list[Author] = []
        self.given: list[Given] = []

    def race(self) -> None:
        """Have both ask for head after head; whatever the witness answers is kept."""
        race = next(self._races)
        self._authors = [self._branch(f"{race}/{side}") for side in range(2)]
        threads = [threading.Thread(target=self._ask, args=(author,)) for author in self._authors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _branch(self, name: str) -> Author:
        more = [leaf_hash(f"{name}/{number}".encode()) for number in range(AHEAD)]
        return Author(self._source.folder, self._source.origin, [*self._leaves, *more], more=0)

    def _ask(self, author: Author) -> None:
        base = len(self._leaves)
        old = self._cosigned
        for new in range(base + 1, base + 1 + ROUNDS):
            if old > new:
                continue
            try:
                answer = post(self._witness.port, author.request(old, new))
            except (OSError, http.client.HTTPException):  # it was killed
                return
            if answer.status == 200:
                note = add_signatures(author.sign(new), parse_signatures(answer.body))
                time = open_cosignature(parse_note(note), self._vkey)
                self.given.append(Given(new, author.root(new), time))
                old = new
            elif answer.status == 409:
                self._told = max(self._told, int(answer.body))
                old = min(int(answer.body), base + AHEAD)
            else:
                assert answer.status == 422, answer

    def check(self) -> None:
        """Hold the witness to every head it cosigned, and go on from where it stands.

        Raises:
            AssertionError: it has forgotten one, or two of them exclude one another.
        """
        kept = self._kept()
        winner = next((one for one in self._authors if self._leads_to(one, kept)), None)
        if winner is not None:
            self._leaves = winner.leaves[: kept[0]]
            self._cosigned = kept[0]
        elif self._cosigned or self.given:
            assert kept == (self._cosigned, root_of(self._leaves)), "it keeps a head nobody offered"
        assert kept[0] >= self._told, f"it named size {self._told}, and keeps {kept[0]}"
        check_given(self.given, self._leaves)
        for loser in self._authors:
            if loser is not winner:
                self._check_refused(loser, kept[0])
        self._authors = []

    def _kept(self) -> Head:
        digest = hashlib.sha256(self._source.origin.encode()).hexdigest()
        answer = self._witness.get(f"/witness/{digest}/checkpoint")
        return read_head(answer.body) if answer.status == 200 else (0, b"")

    def _leads_to(self, author: Author, head: Head) -> bool:
        return head[0] > len(self._leaves) and author.root(head[0]) == head[1]

    def _check_refused(self, loser: Author, size: int) -> None:
        """See that the other history gets nothing, from wherever it is proven."""
        for old in {len(self._history.leaves), size}:
            largest = len(loser.leaves)
            if size < largest and loser.root(size) != root_of(self._leaves):
                status = post(self._witness.port, loser.request(old, largest)).status
                assert status in (409, 422), f"it cosigns a second history: {status}"


def check_given(given: list[Given], leaves: list[bytes]) -> None:
    """Check that all cosigned heads are of one history, and that no time falls.

    Raises:
        AssertionError: they are not.
    """
    moment = 0
    for one in sorted(given):
        assert one.size <= len(leaves), f"{one.size} was cosigned, {len(leaves)} is kept"
        assert root_of(leaves[: one.size]) == one.root, f"two heads cosigned at {one.size}"
        assert one.time >= moment, f"cosigned at {one.time} after {moment}"
        moment = one.time
