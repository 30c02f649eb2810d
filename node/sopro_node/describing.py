"""What public documents say of labels: many of one log looked up together, and remembered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from sopro_node.store.base import Reader
from sopro_node.store.directory_index import PLACE
from sopro_node.store.lines import HolderLine, ThingLine, holder_line, read_line, thing_line
from sopro_node.structured import read_structured
from sopro_protocol.encoding import Value
from sopro_registry.catalogue import decode_state
from sopro_registry.families import offering, organisation

_MOST: Final = 4096

S = TypeVar("S", bound=msgspec.Struct)


class Described(msgspec.Struct, frozen=True):
    """What public documents say of a label: whose it is and of what.

    Attributes:
        holder: name of the organisation; empty where its document is not here.
        place: locality and country.
        name: of the offering, by language.
        kind: product, service, ...
        country: of the organisation.
        organisation: its entity, in the log the label is in; empty where the offering is not.
    """

    holder: str
    place: str
    name: dict[str, str]
    kind: str
    country: str
    organisation: bytes = b""


_NOTHING: Final = Described("", "", {}, "", "")
_NOBODY: Final = HolderLine()


@dataclass(slots=True)
class _Known:
    """What is remembered of one log.

    Attributes:
        version: of the log and of all documents; what was read of another is not true any more.
    """

    version: tuple[int, int]
    things: dict[bytes, Described] = field(default_factory=dict)
    holders: dict[bytes, HolderLine] = field(default_factory=dict)


class Descriptions:
    """What labels are given for and to whom, from one reading connection."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._logs: dict[int, _Known] = {}

    def shown(self, log: int, places: Mapping[bytes, bytes]) -> dict[bytes, Described]:
        """Describe offerings from the lines of their directory, those that have them.

        Args:
            log: its number in the database.
            places: the holder's place by the offering's entity.
        """
        asked = dict.fromkeys((holder, thing[:PLACE]) for thing, holder in places.items())
        asked |= dict.fromkeys((holder, b"") for holder in places.values())
        holders: dict[bytes, HolderLine] = {}
        things: dict[bytes, tuple[bytes, ThingLine]] = {}
        for holder, place, rest, data in self._reader.directory.shown(log, [*asked]):
            line = read_line(data)
            if isinstance(line, ThingLine):
                things[place + rest] = holder + line.holder, line
            else:
                holders[holder + rest] = line
        return {
            entity: _describe(line, owner, holders[owner])
            for entity, (owner, line) in things.items()
            if owner in holders
        }

    def of(
        self, log: int, things: Collection[bytes], *, version: tuple[int, int]
    ) -> dict[bytes, Described]:
        """Describe offerings of one log.

        Args:
            log: its number in the database.
            things: entities of offerings.
            version: of the log and of all documents, as they are now.
        """
        known = self._logs.get(log)
        if known is None or known.version != version or len(known.things) > _MOST:
            known = self._logs[log] = _Known(version)
        missing = [one for one in dict.fromkeys(things) if one not in known.things]
        if missing:
            self._read(log, missing, known)
        return {one: known.things[one] for one in things}

    def _read(self, log: int, things: Sequence[bytes], known: _Known) -> None:
        offered = self._states(log, things, offering.State)
        asked = dict.fromkeys(one.organisation for one in offered.values())
        holders = [one for one in asked if one not in known.holders]
        organised = self._states(log, holders, organisation.State)
        positions = [one.index for one in offered.values()]
        positions += [one.index for one in organised.values()]
        documents = self._documents(log, positions)
        for entity in holders:
            holder = organised.get(entity)
            known.holders[entity] = (
                holder_line(holder, documents.get(holder.index, {})) if holder else _NOBODY
            )
        for entity in things:
            thing = offered.get(entity)
            known.things[entity] = (
                _describe(
                    thing_line(thing, documents.get(thing.index, {})),
                    thing.organisation,
                    known.holders[thing.organisation],
                )
                if thing
                else _NOTHING
            )

    def _states(self, log: int, entities: Sequence[bytes], kind: type[S]) -> dict[bytes, S]:
        """Return the states of those that are of a kind."""
        found = {}
        for entity, row in self._reader.entities_of(log, entities):
            if isinstance(row.state, bytes):
                state = decode_state(row.family, row.state)
                if isinstance(state, kind):
                    found[entity] = state
        return found

    def _documents(self, log: int, positions: Sequence[int]) -> dict[int, Mapping[str, Value]]:
        """Return the fields of the first documents of some records, where they are public."""
        rows = self._reader.public_documents_of(log, positions)
        return {position: read_structured(content) for position, content in rows}


def _describe(thing: ThingLine, owner: bytes, holder: HolderLine) -> Described:
    return Described(holder.name, holder.place, thing.name, thing.kind, holder.country, owner)
