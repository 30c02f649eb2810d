"""Receipts: that this node has carried out an erasure, and who has said so of ours (SPEC ERASE)."""

from collections.abc import Container, Iterator, Sequence
from typing import Any, NamedTuple

from sopro_node.drafting import Draft
from sopro_node.heldlog import OWN, HeldLog
from sopro_node.holdings import Holdings
from sopro_node.store.base import Reader
from sopro_protocol.tile import WIDTH
from sopro_registry.catalogue import decode_state
from sopro_registry.families import erasure_receipt
from sopro_registry.family import Erased
from sopro_registry.fields import format_day


class Outstanding(NamedTuple):
    """An erasure of ours that some members have not confirmed.

    Attributes:
        erased: what, and by when.
        sites: who has not.
        silent: those of them of whom nothing shows that they took our log.
    """

    erased: Erased
    sites: list[str]
    silent: list[str]

    def plain(self, *, today: int) -> dict[str, Any]:
        """Write it for programs."""
        return {
            "origin": self.erased.origin,
            "entry": self.erased.position,
            "document": self.erased.number,
            "deadline": format_day(self.erased.deadline),
            "overdue": today > self.erased.deadline,
            "missing": self.sites,
            "silent": self.silent,
        }


class Receipts:
    """Looks for receipts in every log that is held.

    Args:
        holdings: of this node.
        reader: likewise.
        takers: codes of sites that have shown that they took our log.
    """

    def __init__(
        self, holdings: Holdings, reader: Reader, takers: Container[str] = frozenset()
    ) -> None:
        self._holdings = holdings
        self._reader = reader
        self._takers = takers

    def due(self) -> list[Draft]:
        """Draft receipts for what other sites have had erased and this one has not confirmed."""
        return [
            self._confirm(held, erased)
            for held in self._holdings.logs.values()
            if held.number != OWN
            for erased in self._reader.documents.erased(held.number)
            if self._receipt(OWN, held.origin, erased.erasure) is None
        ]

    def _confirm(self, held: HeldLog, erased: Erased) -> Draft:
        return Draft(
            "erasure_receipt",
            {
                "erasure": self._entry_id(held, erased.erasure),
                "index": erased.erasure,
                "origin": held.origin,
            },
        )

    def _entry_id(self, held: HeldLog, index: int) -> bytes:
        return held.tree.leaves(index // WIDTH)[index % WIDTH]

    def _receipt(self, log: int, origin: str, index: int) -> erasure_receipt.State | None:
        name = erasure_receipt.name_of(origin, index)
        entity = self._reader.named(log, erasure_receipt.FAMILY.name, name)
        row = self._reader.entity(log, entity) if entity is not None else None
        if row is None or not isinstance(row.state, bytes):
            return None
        state = decode_state(erasure_receipt.FAMILY.name, row.state)
        return state if isinstance(state, erasure_receipt.State) else None

    def outstanding(self, *, today: int) -> list[Outstanding]:
        """Return erasures of our own that members have not confirmed.

        Behind its deadline, who never took our log owes no receipt (SPEC ERASE-6).

        Args:
            today: civil date.
        """
        found = []
        own, everything = self._holdings.own, self._reader.documents.erased(OWN)
        silent = [
            site for site, held in self._mirrors() if not self._has_taken(site, held, everything)
        ]
        for erased in everything:
            entry_id = self._entry_id(own, erased.erasure)
            sites = [
                site
                for site, held in self._mirrors()
                if site not in silent or today <= erased.deadline
                if held is None or not self._is_confirmed(held, own, erased, entry_id)
            ]
            if sites:
                found.append(Outstanding(erased, sites, [one for one in sites if one in silent]))
        return found

    def _has_taken(self, site: str, held: HeldLog | None, everything: Sequence[Erased]) -> bool:
        """Say whether anything shows that a site took our log: also a receipt for any erasure."""
        if site in self._takers:
            return True
        origin = self._holdings.own_origin
        return held is not None and any(
            self._receipt(held.number, origin, one.erasure) is not None for one in everything
        )

    def _mirrors(self) -> Iterator[tuple[str, HeldLog | None]]:
        """Go through the coordinator and the members that are admitted, without us."""
        holdings = self._holdings
        coordinator = holdings.coordinator
        if coordinator is not None and coordinator is not holdings.own:
            yield coordinator.site, coordinator
        for member in holdings.directory.members():
            if member.status == "admitted" and member.origin != holdings.own_origin:
                yield member.site, holdings.logs.get(member.origin)

    def _is_confirmed(self, held: HeldLog, own: HeldLog, erased: Erased, entry_id: bytes) -> bool:
        receipt = self._receipt(held.number, own.origin, erased.erasure)
        return receipt is not None and receipt.erasure == entry_id
