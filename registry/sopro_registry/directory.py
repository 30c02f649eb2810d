"""The coordinator's records as rules read them: by name, as they stood at a size of its log."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from msgspec import Struct

from sopro_registry.families import criterion, site_membership
from sopro_registry.families import scheme as scheme_family

T = TypeVar("T")


class Directory:
    """Members, schemes and criteria with every version and the position of its record."""

    def __init__(self) -> None:
        self._members: dict[str, site_membership.State] = {}
        self._schemes: dict[str, scheme_family.State] = {}
        self._criteria: dict[str, criterion.State] = {}

    @classmethod
    def of(cls, states: Iterable[Struct]) -> "Directory":
        """Collect the states of the coordinator's entities."""
        directory = cls()
        for state in states:
            directory.put(state)
        return directory

    def copy(self) -> "Directory":
        """Return a directory that changes on its own."""
        other = Directory()
        other._members = dict(self._members)
        other._schemes = dict(self._schemes)
        other._criteria = dict(self._criteria)
        return other

    def put(self, state: Struct) -> None:
        """Take in the state of an entity of the coordinator's log; others are passed over."""
        match state:
            case site_membership.State(versions=[*_, (_, body)]):
                self._members[body.site] = state
            case scheme_family.State(versions=[*_, (_, body)]):
                self._schemes[body.scheme] = state
            case criterion.State(versions=[*_, (_, body)]):
                self._criteria[f"{body.scheme} {body.code}"] = state
            case _:
                pass

    def membership(self, site: str, *, size: int | None = None) -> site_membership.Body | None:
        """Return a site's membership in the first `size` entries, or the latest."""
        state = self._members.get(site)
        return _version(state.versions, size) if state else None

    def founding_root(self, site: str) -> bytes | None:
        """Return the root key that signed entry 0 of a site's log, as its first record names it."""
        state = self._members.get(site)
        return state.versions[0][1].root if state else None

    def scheme(self, name: str, *, size: int | None = None) -> scheme_family.Body | None:
        """Return a scheme in the first `size` entries, or the latest."""
        state = self._schemes.get(name)
        return _version(state.versions, size) if state else None

    def members(self, *, size: int | None = None) -> Iterator[site_membership.Body]:
        """Go through every membership, by site code: in the first `size` entries, or the latest."""
        for site in sorted(self._members):
            member = _version(self._members[site].versions, size)
            if member is not None:
                yield member

    def schemes(self) -> Iterator[scheme_family.Body]:
        """Go through the latest version of every scheme, by code."""
        for name in sorted(self._schemes):
            yield self._schemes[name].versions[-1][1]

    def criteria(self) -> Iterator[criterion.Body]:
        """Go through the latest version of every criterion, by scheme and code."""
        for name in sorted(self._criteria):
            yield self._criteria[name].versions[-1][1]


def _version(versions: list[tuple[int, T]], size: int | None) -> T | None:
    for index, body in reversed(versions):
        if size is None or index < size:
            return body
    return None
