"""What a directory finds things by, kept beside the states it follows from.

Whatever changes an organisation, an offering or a label changes here, in the same transaction, what
it is found by: codes and words of the first, and the offerings and numbers that hang on it. Words
come from public documents and go with them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from sopro_node.store.base import Store
from sopro_node.store.directory_index import PLACE, Described, Listed
from sopro_node.store.lines import Thing, write_line
from sopro_node.structured import read_structured
from sopro_registry.catalogue import decode_state
from sopro_registry.families import offering, organisation
from sopro_registry.label import Label
from sopro_registry.tables import EntityRow
from sopro_registry.terms import words_of

NOTHING: Final = b""
THINGS: Final = ("organisation", "offering")
_NO_NUMBER: Final = ""
_FAMILIES: Final = (*THINGS, "label_decision")
_SPARSE: Final = 8
_BATCH: Final = 1000


class Listing:
    """The changes of one transaction to what a directory knows of a log.

    Args:
        log: its number in the database.
        find: returns the state of an entity as it is after the changes.
    """

    def __init__(self, log: int, find: Callable[[bytes], Struct | None]) -> None:
        self._log = log
        self._find = find

    def write(
        self, store: Store, changed: Mapping[bytes, EntityRow], before: Mapping[bytes, bytes]
    ) -> None:
        """Write what follows from changed entities.

        Args:
            store: inside the caller's transaction, with the documents that came along.
            changed: their rows, states decoded.
            before: the states some had until now, encoded.
        """
        things: list[tuple[bytes, Thing]] = []
        numbers: list[Listed] = []
        for entity, row in changed.items():
            if row.family not in _FAMILIES:
                continue
            match row.state:
                case organisation.State() | offering.State():
                    self._forget(store, entity, row.family, row.state, before.get(entity))
                    things.append((entity, row.state))
                case Label(number=str(number)) if number and entity not in before:
                    numbers += self._place(row.state)
                case _:
                    pass
        if not things and not numbers:
            return
        self._list(store, things, numbers, before)
        terms = [(term, *place_of(one, state)) for one, state in things for term in state.terms()]
        store.directory.put_terms(self._log, terms)
        store.directory.put_described(self._log, describe(store, self._log, things))

    def _place(self, label: Label) -> Iterator[Listed]:
        thing = self._find(label.offering)
        if isinstance(thing, offering.State):
            yield Listed(
                *place_of(label.offering, thing),
                label.number,
                label.offering[PLACE:],
                label.scheme,
                label.decisions[0].imported,
            )

    def _list(
        self,
        store: Store,
        things: list[tuple[bytes, Thing]],
        numbers: list[Listed],
        before: Mapping[bytes, bytes],
    ) -> None:
        """List new offerings, and labels in the place of the line that says there is none."""
        bare = {
            Listed(*place_of(entity, state), _NO_NUMBER)
            for entity, state in things
            if isinstance(state, offering.State)
        }
        new = {place_of(entity, state) for entity, state in things if entity not in before}
        taken = {Listed(one.holder, one.thing, _NO_NUMBER) for one in numbers}
        fresh = [
            row
            for row in bare - taken
            if not store.directory.listed(
                self._log, row.holder, low=row.thing, high=row.thing, limit=1
            )
        ]
        store.directory.put_listed(self._log, [*fresh, *numbers])
        # What is new in this transaction has no line yet.
        store.directory.cut_listed(self._log, {one for one in taken if one[:2] not in new})

    def _forget(
        self, store: Store, entity: bytes, family: str, now: Thing, before: bytes | None
    ) -> None:
        """Drop what a thing was found by before it changed."""
        if before is None:
            return
        held = decode_state(family, before)
        if not isinstance(held, organisation.State | offering.State):
            return
        holder, thing = place_of(entity, held)
        store.directory.cut_terms(self._log, [(term, holder, thing) for term in held.terms()])
        store.directory.cut_described(self._log, [held.index])
        if (holder, thing) != (moved := place_of(entity, now)):
            rows = [
                row
                for row in store.directory.listed_whole(self._log, holder, thing)
                if row.rest in (b"", entity[PLACE:])
            ]
            store.directory.cut_listed(self._log, rows)
            store.directory.put_listed(self._log, [_move(row, *moved) for row in rows])


def _move(row: Listed, holder: bytes, thing: bytes) -> Listed:
    return row._replace(holder=holder, thing=thing)


def place_of(entity: bytes, state: Thing) -> tuple[bytes, bytes]:
    """Return under which holder and thing something is found."""
    if isinstance(state, offering.State):
        return state.organisation[:PLACE], entity[:PLACE]
    return entity[:PLACE], NOTHING


def describe(store: Store, log: int, things: Sequence[tuple[bytes, Thing]]) -> list[Described]:
    """Return the public documents of things that are here, and what each is found by."""
    wanted = {state.index: (entity, state) for entity, state in things}
    found = []
    for position, content in _documents(store, log, sorted(wanted)):
        fields = read_structured(content) if position in wanted else {}
        if fields and (terms := words_of(fields)):
            entity, state = wanted[position]
            holder, thing = place_of(entity, state)
            line = write_line(state, fields)
            found.append(Described(position, holder, thing, terms, entity, line))
    return found


def _documents(store: Store, log: int, positions: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Go through public documents: in one stretch, where they lie beside one another."""
    if positions and positions[-1] - positions[0] < _SPARSE * len(positions):
        yield from store.public_documents(log, positions[0], positions[-1] + 1)
        return
    for position in positions:
        yield from store.public_documents(log, position, position + 1)


def describe_late(store: Store, log: int, records: Iterable[tuple[int, bytes]]) -> None:
    """Have things found by documents that came after their records, inside a transaction.

    Args:
        store: with the documents.
        log: its number in the database.
        records: position and entity of those whose documents came.
    """
    things: list[tuple[bytes, Thing]] = []
    for position, entity in records:
        row = store.entity(log, entity)
        if row is None or row.family not in THINGS or not isinstance(row.state, bytes):
            continue
        state = decode_state(row.family, row.state)
        if isinstance(state, organisation.State | offering.State) and state.index == position:
            things.append((entity, state))
    store.directory.put_described(log, describe(store, log, things))


def describe_all(store: Store, log: int) -> None:
    """Have everything of a log found by its documents again, inside a transaction."""
    for family in THINGS:
        things: list[tuple[bytes, Thing]] = []
        for entity, _, data in store.entities(log, family):
            state = decode_state(family, data)
            if isinstance(state, organisation.State | offering.State):
                things.append((entity, state))
        for start in range(0, len(things), _BATCH):
            store.directory.put_described(log, describe(store, log, things[start : start + _BATCH]))
