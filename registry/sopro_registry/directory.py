"""The coordinator's records as rules read them: by name, as they stood at a size of its log."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec import UNSET, Struct

from sopro_registry.assessment import CriteriaSet
from sopro_registry.epoch import open_epoch
from sopro_registry.families import codelist as list_family
from sopro_registry.families import criteria_set as set_family
from sopro_registry.families import criterion as criterion_family
from sopro_registry.families import scheme as scheme_family
from sopro_registry.families import site_membership
from sopro_registry.families import witness_policy as policy_family
from sopro_registry.fields import Cut, End, day_of, site_of

T = TypeVar("T")

GONE: Final = ("left", "expelled")
"""The statuses of a site that takes no part any more."""


class Ending(NamedTuple):
    """A record of the coordinator that ends what a site's log may say (SPEC MEM-7).

    Attributes:
        position: of that record in the coordinator's log.
        size: of the site's log; what lies at or after it is beyond the end.
    """

    position: int
    size: int

    def covers(self, index: int, *, acted_on: int) -> bool:
        """Say whether it makes a record void that a member's log alone may hold.

        Args:
            index: the record's position in the site's log.
            acted_on: size of the coordinator's log that counts there.
        """
        return self.size <= index and acted_on <= self.position


class Directory:
    """Members, schemes, criteria, code lists, witness policy: every version with its position."""

    def __init__(self) -> None:
        self._members: dict[str, site_membership.State] = {}
        self._endings: dict[str, Sequence[Ending]] = {}
        self._schemes: dict[str, scheme_family.State] = {}
        self._criteria: dict[str, criterion_family.State] = {}
        self._sets: dict[str, set_family.State] = {}
        self._lists: dict[str, list_family.State] = {}
        self._witness_policy = policy_family.State([])

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
        other._endings = dict(self._endings)
        other._schemes = dict(self._schemes)
        other._criteria = dict(self._criteria)
        other._sets = dict(self._sets)
        other._lists = dict(self._lists)
        other._witness_policy = self._witness_policy
        return other

    def put(self, state: Struct) -> None:
        """Take in the state of an entity of the coordinator's log; others are passed over."""
        match state:
            case site_membership.State(versions=[*_, (_, body)]):
                self._members[body.site] = state
                for origin in {one.origin for _, one in state.versions}:
                    self._endings[origin] = [
                        Ending(index, one.ends.size)
                        for index, one in state.versions
                        if isinstance(one.ends, Cut) and one.ends.origin == origin
                    ]
            case scheme_family.State(versions=[*_, (_, body)]):
                self._schemes[body.scheme] = state
            case criterion_family.State(versions=[*_, (_, body)]):
                self._criteria[f"{body.scheme} {body.code}"] = state
            case set_family.State(versions=[*_, (_, body)]):
                self._sets[body.scheme] = state
            case list_family.State(versions=[*_, (_, body)]):
                self._lists[body.list] = state
            case policy_family.State():
                self._witness_policy = state
            case _:
                pass

    def membership(self, site: str, *, size: int | None = None) -> site_membership.Body | None:
        """Return a site's membership in the first `size` entries, or the latest."""
        state = self._members.get(site)
        return _version(state.versions, size) if state else None

    def endings(self, origin: str) -> Sequence[Ending]:
        """Return where the coordinator has ended a log, in the order it did so."""
        return self._endings.get(origin, ())

    def successors(self, origin: str) -> tuple[str, ...]:
        """Return every site that may take over the labels in a log that has ended (XFER-2).

        That is the site itself, where another log continues this one, and who was named to look
        after its labels.
        """
        versions = self._versions(origin)
        # What a site has left goes with its last log.
        later = list(dropwhile(lambda body: body.origin != origin, versions))
        itself = [body.site for body in later if body.origin != origin]
        named = [
            body.successor
            for body in later
            if body.status in GONE and isinstance(body.successor, str)
        ]
        return tuple(dict.fromkeys([*itself, *named]))

    def caretaker(self, site: str, *, coordinator: str, size: int | None = None) -> str:
        """Return the code of who looks after a site that is gone (SPEC MEM-15); empty while not.

        Args:
            site: its code.
            coordinator: code of the coordinator's site.
            size: what counts of the coordinator's log; all of it where it is None.
        """
        member = self.membership(site, size=size)
        if member is None or member.status not in GONE:
            return ""
        seen: set[str] = set()
        while member is not None and isinstance(member.successor, str):
            if member.successor in seen:
                break
            seen.add(member.successor)
            member = self.membership(member.successor, size=size)
            if member is not None and member.status == "admitted":
                return member.site
        return coordinator

    def end_while_away(self, origin: str, *, size: int | None = None) -> int | None:
        """Return where the log of a site that has left ended, which may come back (SPEC ERASE-7).

        None where it is no such log, or nobody has said where it ended.
        """
        member = self.membership(site_of(origin), size=size)
        if member is None or (member.status, member.origin) != ("left", origin):
            return None
        endings = self.endings(origin)
        return max(
            (one.size for one in endings if size is None or one.position < size), default=None
        )

    def caretakers(self, site: str) -> frozenset[str]:
        """Return the members that may look after a site, or may have, without the coordinator."""
        found, new = set(), {site}
        while new:
            found |= new
            states = [self._members[one] for one in new if one in self._members]
            versions = [body for state in states for _, body in state.versions]
            named = {body.successor for body in versions if isinstance(body.successor, str)}
            new = named - found
        return frozenset(one for one in found - {site} if self._was_admitted(one))

    def _was_admitted(self, site: str) -> bool:
        state = self._members.get(site)
        return state is not None and any(body.status == "admitted" for _, body in state.versions)

    def has_gone(self, site: str) -> bool:
        """Say whether a site has ever left or been expelled, whatever came later."""
        state = self._members.get(site)
        return state is not None and any(body.status in GONE for _, body in state.versions)

    def logs(self, site: str, *, size: int | None = None) -> tuple[str, ...]:
        """Return the logs of a site in the first `size` entries, or now; its newest comes last."""
        state = self._members.get(site)
        versions = state.versions if state else []
        found = [body.origin for index, body in versions if size is None or index < size]
        return tuple(dict.fromkeys(found))

    def ends(self) -> Iterator[End]:
        """Go through where logs were closed, by the entries that continue them (SPEC EPOCH-1)."""
        for state in self._members.values():
            for _, body in state.versions:
                if body.epoch is not UNSET:
                    yield open_epoch(body.epoch, origin=body.origin, root=body.root)

    def is_closed(self, origin: str) -> bool:
        """Say whether another log continues this one of a member (SPEC EPOCH-2)."""
        return origin in self.logs(site_of(origin))[:-1]

    def _versions(self, origin: str) -> list[site_membership.Body]:
        state = self._members.get(site_of(origin))
        return [body for _, body in state.versions] if state else []

    def abandoned(self, origin: str) -> frozenset[tuple[int, bytes]]:
        """Return the heads of a log that its membership records abandon (SPEC EVID-10)."""
        return frozenset(
            (head.size, head.root)
            for body in self._versions(origin)
            if body.origin == origin and isinstance(body.abandoned, list)
            for head in body.abandoned
        )

    def founding_root(self, origin: str) -> bytes | None:
        """Return the root key that signed entry 0 of a log, as the first record on it names it."""
        return next((body.root for body in self._versions(origin) if body.origin == origin), None)

    def last_word(self, origin: str) -> tuple[int, site_membership.Body] | None:
        """Return the last membership record about a log with its position: naming or closing it.

        Later ones are about the log that continues it.
        """
        state = self._members.get(site_of(origin))
        found = [
            (index, body)
            for index, body in (state.versions if state else [])
            if body.origin == origin or (isinstance(body.ends, Cut) and body.ends.origin == origin)
        ]
        return found[-1] if found else None

    def beginning(self, origin: str) -> bytes | None:
        """Return entry 0 of a log as the record that names it does; None where none does.

        Only a log that continues another is named by its entry 0 (SPEC EPOCH-2).
        """
        named = (body.epoch for body in self._versions(origin) if body.origin == origin)
        entry = next(named, UNSET)
        return entry if isinstance(entry, bytes) else None

    def roots(self, origin: str) -> frozenset[bytes]:
        """Return every root key that a record about a log has named for its site."""
        return frozenset(body.root for body in self._versions(origin) if body.origin == origin)

    def latest_root(self, origin: str) -> bytes | None:
        """Return the root key of a log's site, as the last record that names the log does."""
        return next(iter(self.leading_roots(origin)), None)

    def leading_roots(self, origin: str) -> tuple[bytes, ...]:
        """Return the root keys one of which a log's key records have to name (SPEC SYNC-1).

        That is the one of the latest membership. Where members have approved it, the site may not
        have named it yet and may never; so the one it has replaced follows, and so on back to one
        that the site's own key records have led to.
        """
        found: list[bytes] = []
        for body in self._versions(origin):
            if body.origin == origin and body.root not in found[-1:]:
                found = [*found, body.root] if isinstance(body.approvals, list) else [body.root]
        return tuple(reversed(found))

    def scheme(self, name: str, *, size: int | None = None) -> scheme_family.Body | None:
        """Return a scheme in the first `size` entries, or the latest."""
        state = self._schemes.get(name)
        return _version(state.versions, size) if state else None

    def witness_policy(self, *, size: int | None = None) -> policy_family.Body | None:
        """Return the witness policy in the first `size` entries, or the latest."""
        return _version(self._witness_policy.versions, size)

    def members(self, *, size: int | None = None) -> Iterator[site_membership.Body]:
        """Go through every membership, by site code: in the first `size` entries, or the latest."""
        for site in sorted(self._members):
            member = _version(self._members[site].versions, size)
            if member is not None:
                yield member

    def membership_sizes(self) -> list[int]:
        """Return the sizes of the log right behind each membership record."""
        states = self._members.values()
        return sorted(index + 1 for state in states for index, _ in state.versions)

    def schemes(self) -> Iterator[scheme_family.Body]:
        """Go through the latest version of every scheme, by code."""
        for name in sorted(self._schemes):
            yield self._schemes[name].versions[-1][1]

    def criterion(
        self, scheme: str, code: str, *, version: int = 0, size: int | None = None
    ) -> criterion_family.Body | None:
        """Return a version of a criterion, or the latest, in the first `size` entries."""
        state = self._criteria.get(f"{scheme} {code}")
        return _numbered(state.versions, version, size) if state else None

    def criterion_versions(self, scheme: str, code: str) -> list[criterion_family.Body]:
        """Return every version of a criterion, oldest first; none where there is no such."""
        state = self._criteria.get(f"{scheme} {code}")
        return [body for _, body in state.versions] if state else []

    def criterion_in(self, scheme: str, code: str, *, version: int) -> int:
        """Return which version of a criterion belongs to a version of a scheme's criteria; or 0."""
        state = self._sets.get(scheme)
        body = _numbered(state.versions, version, None) if state else None
        parts = body.criteria if body else []
        return next((part.version for part in parts if part.code == code), 0)

    def criteria_set(
        self, scheme: str, *, version: int = 0, size: int | None = None, country: str = ""
    ) -> CriteriaSet | None:
        """Return a version of a scheme's criteria, or the latest, as it stands in a country.

        Args:
            scheme: its code.
            version: its number; 0 for the latest.
            size: what counts of the coordinator's log; all of it where it is None.
            country: whose own criteria are among them.
        """
        state = self._sets.get(scheme)
        body = _numbered(state.versions, version, size) if state else None
        if state is None or body is None:
            return None
        after = _numbered(state.versions, body.version + 1, size)
        found = (
            self.criterion(scheme, one.code, version=one.version, size=size)
            for one in body.criteria
        )
        return CriteriaSet(
            scheme,
            body.version,
            day_of(body.applies_from, field="applies_from"),
            set_family.last_day(after) if after else 0,
            body.min_points or 0,
            tuple(
                criterion_family.read_requirement(one)
                for one in found
                if one is not None and (one.country or country) == country
            ),
        )

    def criteria(self) -> Iterator[criterion_family.Body]:
        """Go through the latest version of every criterion, by scheme and code."""
        for name in sorted(self._criteria):
            yield self._criteria[name].versions[-1][1]

    def criteria_ended(self, scheme: str, day: int, *, size: int) -> int:
        """Return the last day of the criteria by which a scheme judged on a day; 0 for no end.

        Before its first version, and on day 0, those are what that version came after.

        Args:
            scheme: its code.
            day: on which.
            size: what counts of the coordinator's log.
        """
        state = self._sets.get(scheme)
        known = [body for index, body in state.versions if index < size] if state else []
        later = [one for one in known if day < day_of(one.applies_from, field="applies_from")]
        if not later:
            return 0
        is_first = later[0] is known[0]
        if is_first and later[0].transition_until is UNSET:
            return 0
        return set_family.last_day(later[0])

    def codelist(self, name: str, *, version: str = "") -> tuple[int, list_family.Body] | None:
        """Return a version of a list of codes, or the latest, with the position of its record."""
        state = self._lists.get(name)
        if state is None:
            return None
        return state.find(version) if version else state.versions[-1]

    def codelists(self) -> Iterator[list_family.Body]:
        """Go through every version of every list of codes, by code, oldest first."""
        for name in sorted(self._lists):
            for _, body in self._lists[name].versions:
                yield body


class _Numbered(Protocol):
    @property
    def version(self) -> int: ...


N = TypeVar("N", bound=_Numbered)


def _numbered(versions: list[tuple[int, N]], version: int, size: int | None) -> N | None:
    if not version:
        return _version(versions, size)
    for index, body in versions:
        if body.version == version and (size is None or index < size):
            return body
    return None


def _version(versions: list[tuple[int, T]], size: int | None) -> T | None:
    for index, body in reversed(versions):
        if size is None or index < size:
            return body
    return None
