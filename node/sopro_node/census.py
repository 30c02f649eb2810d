"""Counting the labels and decisions of every log held, as of a day."""

from collections.abc import Callable, Mapping, Set
from functools import lru_cache

import msgspec

from sopro_node.desk import Desk, Sizes
from sopro_node.exchange import Exchange
from sopro_node.heldlog import decode_cursor
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity
from sopro_node.store.base import Reader
from sopro_node.store.rows import LogRow
from sopro_protocol.merkle import EMPTY_ROOT
from sopro_registry.aggregate import (
    SiteCounts,
    Statistics,
    add_up,
    count_decisions,
    count_labels,
    move_labels,
    plain,
    total_of,
)
from sopro_registry.label import Label
from sopro_registry.queries import Basis

_LABEL = msgspec.msgpack.Decoder(Label)


class Census:
    """Counts from one reading connection, its desk's; used on its thread."""

    def __init__(
        self,
        reader: Reader,
        holdings: Holdings,
        exchange: Exchange,
        *,
        desk: Desk,
        identity: Callable[[], Identity],
    ) -> None:
        self._reader = reader
        self._holdings = holdings
        self._exchange = exchange
        self._desk = desk
        self._identity = identity
        self._statistics = lru_cache(maxsize=8)(self._count)

    def statistics(self, day: int | None = None) -> Statistics:
        """Count labels and decisions over every log held, as of a day."""
        sizes = self._desk.sizes()
        forked = self._exchange.evidence.forked()
        return self._with_freshness(self._statistics(day or self._desk.today(), sizes, forked))

    def _count(self, day: int, _sizes: Sizes, _forked: frozenset[str]) -> Statistics:
        reader = self._reader
        with reader.snapshot():
            rows = reader.logs()
            settled = reader.settled_counts(day)
            unsettled = [
                (log, year, _LABEL.decode(state)) for log, year, state in reader.unsettled(day)
            ]
            undetermined = [
                (log, year, _LABEL.decode(state)) for log, year, state in reader.undetermined()
            ]
            decisions = count_decisions(reader.decision_counts())
            moved = list(self._desk.courses.moved())
        labels = count_labels(settled, unsettled, undetermined, day=day)
        move_labels(labels, moved, day=day)
        sites = [
            self._count_site(row, labels.get(row.log, {}), decisions.get(row.log, {}))
            for row in rows
            if row.origin != self._holdings.coordinator_origin
        ]
        return total_of([*sites, *self._unheard({row.origin for row in rows})], day=day)

    def _unheard(self, held: Set[str]) -> list[SiteCounts]:
        """Return members that are followed, and of which nothing has come yet."""
        unheard = {one.origin for one in self._exchange.targets()} - held
        return [
            SiteCounts(
                member.site,
                member.country,
                *({}, {}, {}, {}),
                entries=0,
                void=0,
                confirmed_at=None,
                computed_from=Basis(member.origin, 0, EMPTY_ROOT.hex()),
            )
            for member in self._holdings.directory.members()
            if member.origin in unheard
        ]

    def _count_site(
        self,
        row: LogRow,
        labels: Mapping[str, Mapping[str, int]],
        decisions: Mapping[str, Mapping[str, int]],
    ) -> SiteCounts:
        site = row.origin.split("/")[1]
        member = self._holdings.directory.membership(site)
        return SiteCounts(
            site,
            member.country if member else self._identity().country,
            add_up(labels),
            plain(labels),
            add_up(decisions),
            plain(decisions),
            row.size,
            decode_cursor(row.cursor).voids,
            None,
            self._desk.basis_of_row(row),
        )

    def _with_freshness(self, statistics: Statistics) -> Statistics:
        return msgspec.structs.replace(
            statistics,
            sites=[
                msgspec.structs.replace(
                    one, confirmed_at=self._exchange.confirmed_at(one.computed_from.origin)
                )
                for one in statistics.sites
            ],
        )
