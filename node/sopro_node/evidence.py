"""Evidence of two histories that this node keeps, and what stands against whom (SPEC EVID).

Whatever follows from evidence follows from what is kept here, and it is kept here only once it is
on the disk: the promise is that no reaction comes before that.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sopro_node import clock
from sopro_node.accusing import signing_heads, write_evidence
from sopro_node.anchored import Anchored
from sopro_node.forks import head_of
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity, Invite
from sopro_node.store.base import Reader, Store
from sopro_node.store.rows import EvidenceRow
from sopro_node.writer import Writer
from sopro_protocol.errors import (
    NotFoundError,
    RefusedError,
    SoproError,
    StorageFullError,
    UnavailableError,
    VerificationError,
)
from sopro_protocol.evidence import Fork, parse_evidence
from sopro_protocol.keys import Role
from sopro_registry.anchors import Tally
from sopro_registry.evidence import OpenedEvidence, open_evidence
from sopro_registry.family import KeySpan

MOST_STANDING: Final = 8
"""Against one log; more would prove nothing more."""


_NONE: Final[frozenset[str]] = frozenset()
_logger = logging.getLogger("sopro.evidence")


Head = tuple[int, bytes]
"""Size and root that a head signs."""


class Kept(NamedTuple):
    """Evidence on this node's disk.

    Attributes:
        id: of the evidence.
        origin: of the log.
        size: at which the heads differ.
        heads: sizes and roots that the two heads sign.
        roots: of the two heads at the size at which they differ.
        found: when this node got it, ms UTC.
    """

    id: bytes
    origin: str
    size: int
    heads: tuple[Head, Head]
    roots: tuple[bytes, bytes]
    found: int

    @property
    def sizes(self) -> tuple[int, int]:
        """Sizes of the two heads."""
        return self.heads[0][0], self.heads[1][0]

    @property
    def path(self) -> str:
        """Where nodes serve it."""
        return f"/evidence/{self.id.hex()}"


class EvidenceKeeper:
    """Keeps evidence, its own and that of others, and says against whom some stands.

    Attributes:
        settled: what members have settled about the coordinator's log.
        left: positions of that log at which a successor has taken it over.
        ended: size after which a successor that members have appointed has yet to take it over.
    """

    left: frozenset[int] = frozenset()
    ended: int | None = None

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        writer: Writer,
        *,
        reader: Reader,
        identity: Identity | None,
        invite: Callable[[], Invite | None],
    ) -> None:
        self._holdings = holdings
        self._store = store
        self._writer = writer
        self._reader = reader
        self._identity = identity
        self._invite = invite
        self.settled = Anchored.load(reader)
        self._tellers: list[Callable[[Kept], None]] = []
        self._kept: dict[bytes, Kept] = {}
        for row in reader.others.evidence():
            self._kept[row.id] = read_row(row)

    def tell(self, teller: Callable[[Kept], None]) -> None:
        """Have new evidence told, once it is on the disk."""
        self._tellers.append(teller)

    # Asking.

    def __contains__(self, evidence: object) -> bool:
        return evidence in self._kept

    def __iter__(self) -> Iterator[Kept]:
        return iter(list(self._kept.values()))

    def stands(self, kept: Kept) -> bool:
        """Say whether nobody has settled it (SPEC EVID-10, EVID-11)."""
        if kept.origin == self._holdings.coordinator_origin:
            others = [one for one in self if one.origin == kept.origin]
            held = self._holdings.logs.get(kept.origin)
            return not self.settled.settles(kept, others, held.tree if held else None)
        return self._holdings.directory.abandoned(kept.origin).isdisjoint(kept.heads)

    def standing(self, origin: str) -> list[Kept]:
        """Return what stands against a log."""
        return [one for one in self if one.origin == origin and self.stands(one)]

    def is_abandoned(self, held: HeldLog) -> bool:
        """Say whether what is held of a log is a history the federation has abandoned."""
        if held.origin == self._holdings.coordinator_origin:
            return self.settled.contradicts(held.tree)
        abandoned = self._holdings.directory.abandoned(held.origin)
        ahead = held.ahead.head if held.ahead else None
        return any(
            (size <= held.size and held.tree.root_at(size) == root)
            or (ahead is not None and (ahead.size, ahead.root) == (size, root))
            for size, root in abandoned
        )

    def anchored(self, origin: str) -> list[Tally]:
        """Return what members have settled about a log; only about the coordinator's they can."""
        return list(self.settled) if origin == self._holdings.coordinator_origin else []

    def choose(self, origin: str, *, keep: Sequence[str] = ()) -> list[Head]:
        """Return the heads to abandon so that no evidence against a log stands any more.

        They are those that are not of the history held here; where that does not reach so far,
        those that stand against a head that is named.

        Args:
            origin: of the log.
            keep: first hexadecimal digits of roots of heads to go on with.

        Raises:
            RefusedError: it cannot be told which head of one to abandon.
        """
        abandoned: set[Head] = set()
        standing = self.standing(origin)
        for one in standing:
            abandoned |= set(self._wrong_heads(one, keep))
        left = [one for one in standing if abandoned.isdisjoint(one.heads)]
        if left:
            roots = " or ".join(f"{root.hex()[:16]} (size {size})" for size, root in left[0].heads)
            raise RefusedError(
                f"{origin}: two histories, and what is held here does not say which one to go on "
                f"with; ask the site and name the root of its head with --keep: {roots}"
            )
        return sorted(abandoned)

    def _wrong_heads(self, kept: Kept, keep: Sequence[str]) -> list[Head]:
        named = [head for head in kept.heads if head[1].hex().startswith(tuple(keep))]
        if keep and len(named) == 1:
            return [head for head in kept.heads if head not in named]
        held = self._holdings.logs.get(kept.origin)
        if held is None or kept.size > held.size:
            return []
        root = held.tree.root_at(kept.size)
        return [head for head, one in zip(kept.heads, kept.roots, strict=True) if one != root]

    def forked(self) -> frozenset[str]:
        """Return the origins that evidence stands against."""
        return frozenset(one.origin for one in self if self.stands(one)) if self._kept else _NONE

    def refusal(self, origin: str) -> VerificationError | None:
        """Say why nothing more is taken from a log; None where it may be."""
        standing, held = self.standing(origin), self._holdings.logs.get(origin)
        is_coordinator = origin == self._holdings.coordinator_origin
        if is_coordinator:
            # Who does not hold the part in doubt has taken neither side yet (SPEC EVID-11).
            size = held.size if held else 0
            standing = [one for one in standing if one.size <= size + 1]
        if not standing:
            return None
        first = standing[0]
        kept = f"the head at size {held.signed_size} is kept" if held else "nothing of it is held"
        return VerificationError(
            f"{origin}: two histories: {describe_heads(first)}, both signed by the site; "
            f"{kept} and nothing more is taken (evidence {first.id.hex()[:16]}) until "
            + ("enough members anchor one" if is_coordinator else "the coordinator has settled it"),
            code="hos.fork",
        )

    def may_be_settled(self, fork: Fork) -> bool:
        """Say whether two histories that are not shown to part anywhere may be settled (ANCHOR-7).

        Kept at another size, such evidence would bring back for ever what members have settled.
        """
        is_of_old_keys = any(fork.size <= position + 1 for position in self.left)
        return bool(self.anchored(fork.origin)) and not is_of_old_keys

    def check_keys(self, origin: str, size: int, keys: Iterable[KeySpan]) -> None:
        """Refuse a head by the keys of a coordinator that members have replaced (SPEC SUCC-6).

        Args:
            origin: of the log.
            size: of the head.
            keys: that it was opened with.

        Raises:
            VerificationError: `hos.fork`, it goes on without the successor.
        """
        ended = self.ended
        if origin != self._holdings.coordinator_origin or ended is None or size <= ended:
            return
        if not any(one.role == Role.ROOT.value and one.since == ended + 1 for one in keys):
            raise VerificationError(
                f"{origin}: members have appointed who goes on after {ended} entries; this head at "
                f"size {size} is signed with keys of before",
                code="hos.fork",
            )

    # Keeping.

    async def accuse(self, fork: Fork, *, served_keys: Sequence[bytes] = ()) -> Kept | None:
        """Write evidence down and keep it; None where what ties it to the federation is missing.

        Args:
            fork: the two heads.
            served_keys: key records that whoever serves the other head has served.

        Raises:
            StorageFullError: it could not be kept.
        """
        try:
            return await self.take(self.write(fork, served_keys=served_keys))
        except (StorageFullError, UnavailableError):
            raise
        except RefusedError:
            # Settled, or enough stands already.
            return None
        except SoproError as error:
            _logger.warning(
                "no evidence", extra={"origin": fork.origin, "code": error.code, "why": str(error)}
            )
            return None

    async def take(self, data: bytes) -> Kept:
        """Verify an evidence file and keep it (SPEC EVID-9); one that is kept already is left.

        Raises:
            FormatError: it is no evidence file.
            VerificationError: it proves nothing.
            NotFoundError: `evid.unknown`, the log is none this node knows.
            RefusedError: `refused`, it is settled, or enough stands against that log.
            StorageFullError: it could not be kept.
        """
        # On another thread: a site can make what takes long to verify.
        opened = await asyncio.to_thread(self._open, data)
        kept = self._kept.get(opened.id)
        if kept is not None and (kept.size <= opened.size or not self._may_sharpen(kept)):
            return kept
        row = EvidenceRow(opened.id, opened.origin, clock.now(), data)
        if kept is None and not self.stands(read_row(row)) and not self._is_of_old_keys(opened):
            raise RefusedError(
                f"evidence: {opened.origin}: one of the heads is abandoned already; it is settled"
            )
        if kept is None and len(self.standing(opened.origin)) >= MOST_STANDING:
            raise RefusedError(
                f"evidence: {MOST_STANDING} stand against {opened.origin} already; no more are kept"
            )

        def keep() -> None:
            with self._store.transaction():
                self._store.others.put_evidence(row)

        await self._writer.run(keep)
        # From here on it is on the disk, and only from here on anything follows from it.
        is_new = opened.id not in self._kept
        kept = self._kept[opened.id] = read_row(row)
        if is_new:
            _logger.error(
                "two histories",
                extra={"origin": kept.origin, "evidence": kept.id.hex(), "sizes": kept.sizes},
            )
            for teller in self._tellers:
                teller(kept)
        return kept

    def _may_sharpen(self, kept: Kept) -> bool:
        """Say whether a file on the same heads is better that differs at a smaller size.

        The smallest is right behind what both histories share, where members settle them.
        """
        return kept.origin == self._holdings.coordinator_origin

    def _is_of_old_keys(self, opened: OpenedEvidence) -> bool:
        """Say whether to keep, though it is settled, what shows that old keys are still used."""
        kept = sum(one.origin == opened.origin for one in self)
        is_coordinator = opened.origin == self._holdings.coordinator_origin
        return is_coordinator and bool(self.left) and kept < MOST_STANDING

    def _open(self, data: bytes) -> OpenedEvidence:
        fork, invite = parse_evidence(data).fork, self._invite()
        origin = fork.origin
        roots = self._roots_of(origin)
        if not roots or invite is None:
            raise NotFoundError(
                f"evidence: the log {origin[:80]!r} is none this node knows", code="evid.unknown"
            )
        opened = open_evidence(data, coordinator=invite.origin, coordinator_root=invite.root_key)
        is_latest = opened.root == roots[-1]
        if not is_latest and not (opened.root in roots and self._knows_signers(fork)):
            raise VerificationError(
                f"evidence: {origin}: by another root key than the one known here",
                code="mem.untrusted",
            )
        return opened

    def _roots_of(self, origin: str) -> list[bytes]:
        """Return the root keys by which evidence against a log may be verified, the latest last."""
        invite, directory = self._invite(), self._holdings.directory
        if invite is not None and origin == invite.origin:
            return [invite.root_key]
        latest = directory.latest_root(origin)
        if latest is None and self._identity is not None and origin == self._identity.origin:
            latest = self._identity.root
        return [*directory.roots(origin), latest] if latest is not None else []

    def _knows_signers(self, fork: Fork) -> bool:
        """Say whether both heads are signed by keys that are known here, from the log itself.

        A root key that was replaced may be in anybody's hands; what it says of keys counts only
        where the log says so, too.
        """
        held = self._holdings.logs.get(fork.origin)
        return held is not None and all(signing_heads(held, [one.note]) for one in fork.heads)

    def write(self, fork: Fork, *, served_keys: Sequence[bytes] = ()) -> bytes:
        """Write the file: the two heads, and what ties them to the federation's root of trust.

        Args:
            fork: the two heads.
            served_keys: key records that whoever serves the other head has served.

        Raises:
            NotFoundError: what ties it to the federation is not held here.
            FormatError: it would be none, such as with too many keys.
        """
        return write_evidence(self._holdings, self._reader, fork, served_keys=served_keys)


def read_row(row: EvidenceRow) -> Kept:
    """Say what kept evidence is about."""
    fork = parse_evidence(row.data).fork
    first, second = (head_of(head.note) for head in fork.heads)
    return Kept(
        row.id,
        row.origin,
        fork.size,
        ((first.size, first.root), (second.size, second.root)),
        (fork.heads[0].root, fork.heads[1].root),
        row.found,
    )


def describe_evidence(keeper: EvidenceKeeper, origin: str | None = None) -> list[dict[str, Any]]:
    """Describe all evidence, or that against one log, for programs (SPEC EVID-8)."""
    return [
        {
            "id": one.id.hex(),
            "origin": one.origin,
            "site": one.origin.split("/")[1],
            "size": one.size,
            "sizes": list(one.sizes),
            "roots": [root.hex() for _, root in one.heads],
            "stands": keeper.stands(one),
            "found_at": clock.format_time(one.found),
            "path": one.path,
        }
        for one in keeper
        if origin in (None, one.origin)
    ]


def describe_heads(kept: Kept) -> str:
    """Name the two heads."""
    first, second = kept.sizes
    if first == second:
        return f"two heads at size {first}"
    return f"the heads at size {first} and {second} exclude one another"
