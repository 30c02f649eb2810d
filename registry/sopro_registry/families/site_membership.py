"""site_membership/1: who takes part in the federation, in the coordinator's log (SPEC MEM)."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role, check_public_key
from sopro_registry.epoch import open_epoch
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import (
    Bytes32,
    CivilDate,
    CountryCode,
    Cut,
    Head,
    LanguageTag,
    Line,
    Origin,
    Prefix,
    SiteCode,
    Text,
    Url,
    day_of,
)
from sopro_registry.recovery import check_approvals, electorate, read_mandate
from sopro_registry.succession import check_succession

Status = Literal["applicant", "admitted", "suspended", "left", "expelled"]

# (status before, status after); None before is a site the federation has not met.
TRANSITIONS: frozenset[tuple[str | None, str]] = frozenset(
    {
        (None, "applicant"),
        (None, "admitted"),
        ("applicant", "applicant"),
        ("applicant", "admitted"),
        ("applicant", "left"),
        ("admitted", "admitted"),
        ("admitted", "suspended"),
        ("admitted", "left"),
        ("admitted", "expelled"),
        ("suspended", "suspended"),
        ("suspended", "admitted"),
        ("suspended", "left"),
        ("suspended", "expelled"),
        ("left", "applicant"),
    }
)

ENDED = frozenset({"suspended", "left", "expelled"})
"""The statuses in which a log is ended."""
GONE: Final = frozenset({"left", "expelled"})
"""The statuses of a site that takes no part any more."""

MAX_MEMBERS: Final = 128
"""So many sites are admitted at most: what most of them have to say fits into a record."""
MAX_EPOCH: Final = 16_384
"""The most bytes of an entry that begins an epoch."""


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A site as the federation knows it from this record on.

    Attributes:
        abandoned: heads of its log that the federation has abandoned (SPEC EVID-10).
        approvals: of the other members, that this root key replaces the one named before.
        conformance: digest of the statement of conformance it was admitted on.
        conformance_until: last day of that statement; its status does not follow from it.
        country: ISO 3166-1 alpha-2.
        effective_date: civil date in the coordinator's zone.
        ends: position in the site's log from which its records count no more, until the site
            acts on a later record that admits it; of its log before, where that is continued.
        epoch: entry 0 of its log, where this record names another one than the record before.
        languages: BCP 47 tags of its official languages.
        mandate: key record of the site that says who may approve a new root key of it.
        name: of the site, by language.
        origin: of its log; a new epoch has a new origin (SPEC EPOCH).
        prefix: the second part of its certificate numbers, permanent.
        root: its root key; one site for ever.
        site: code, permanent and never reused.
        status: of the membership.
        succession: key records of the site that lead from the root key named before to this one.
        successor: site code of who takes over.
        urls: where its node answers.
        zone: IANA name of the zone its civil dates are read in.
    """

    abandoned: Annotated[list[Head], Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    approvals: Annotated[list[bytes], Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    conformance: Bytes32 | UnsetType = UNSET
    conformance_until: CivilDate | UnsetType = UNSET
    country: CountryCode
    effective_date: CivilDate
    ends: Cut | UnsetType = UNSET
    epoch: Annotated[bytes, Meta(min_length=1, max_length=MAX_EPOCH)] | UnsetType = UNSET
    languages: Annotated[list[LanguageTag], Meta(min_length=1, max_length=20)]
    mandate: Annotated[bytes, Meta(min_length=1, max_length=MAX_EPOCH)] | UnsetType = UNSET
    name: Text
    origin: Origin
    prefix: Prefix
    root: Bytes32
    site: SiteCode
    status: Status
    succession: Annotated[list[bytes], Meta(min_length=2, max_length=16)] | UnsetType = UNSET
    successor: SiteCode | UnsetType = UNSET
    urls: Annotated[list[Url], Meta(min_length=1, max_length=8)]
    zone: Line


class State(Struct, frozen=True, array_like=True):
    """Every version of a membership, with the position of its record."""

    versions: list[tuple[int, Body]]


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the membership.

    Raises:
        RefusedError: `mem.name` for a site code, origin or prefix in use or changed, `mem.key`
            for a root key in use, or one that does not follow from the site's own records,
            `mem.epoch` for a log that does not continue the one before, `mem.status` for a
            transition not in the table, `mem.end` for an end where none belongs, `mem.full`
            where as many are admitted as may be.
    """
    body = fact.body
    day_of(body.effective_date, field="effective_date")
    if body.conformance_until is not UNSET:
        day_of(body.conformance_until, field="conformance_until")
    before = state.versions[-1][1] if state else None
    is_next = (before.status if before else None, body.status) in TRANSITIONS
    if not is_next and not _settles(before, body):
        raise RefusedError(
            f"site_membership: {body.site!r} cannot become {body.status} "
            f"from {before.status if before else 'unknown'}",
            code="mem.status",
        )
    if before is None:
        _check_new(body, view)
    elif (before.site, before.prefix) != (body.site, body.prefix):
        raise RefusedError("site_membership: site code and prefix are permanent", code="mem.name")
    elif before.origin != body.origin:
        _check_epoch(before, body)
    elif before.root != body.root:
        _check_successor(before, body, view)
    if body.epoch is not UNSET and (before is None or before.origin == body.origin):
        raise RefusedError(
            "site_membership: 'epoch' is for a site whose log is continued by another",
            code="mem.epoch",
        )
    _check_end(before, body, state.versions if state else [])
    _check_room(before, body, view)
    versions = [*(state.versions if state else []), (fact.index, body)]
    # Prefix and root are names too, so that none is ever given to two sites.
    names = (body.site, f"prefix {body.prefix}", f"root {body.root.hex()}")
    return Change(State(versions), names=names)


def _settles(before: Body | None, body: Body) -> bool:
    """Say whether a record only settles two histories of a site that has gone (SPEC MEM-14)."""
    if before is None or before.status not in GONE or body.abandoned is UNSET:
        return False
    same = structs.replace(
        body,
        abandoned=before.abandoned,
        approvals=before.approvals,
        mandate=before.mandate,
        succession=before.succession,
    )
    return same == before


def _check_room(before: Body | None, body: Body, view: View) -> None:
    """Hold the number of members to what all of them can still decide together (SPEC MEM-13)."""
    is_new = before is None or before.status != "admitted"
    if is_new and body.status == "admitted":
        admitted = sum(one.status == "admitted" for one in view.members())
        if admitted >= MAX_MEMBERS:
            raise RefusedError(
                f"site_membership: {body.site!r} cannot be admitted: {admitted} sites are, and a "
                f"federation has at most {MAX_MEMBERS}",
                code="mem.full",
            )


def _check_new(body: Body, view: View) -> None:
    federation = view.origin.split("/")[0]
    parts = body.origin.split("/")
    if parts[:2] != [federation, body.site] or len(parts) != 3 or not _is_epoch(parts[2]):
        raise RefusedError(
            f"site_membership: origin {body.origin!r}, expected '{federation}/{body.site}/<epoch>'",
            code="mem.name",
        )
    try:
        check_public_key(body.root)
    except FormatError as error:
        raise RefusedError(f"site_membership: {error}", code="sig.weak-key") from None
    if view.exists_named("site_membership", body.site):
        raise RefusedError(f"site_membership: code {body.site!r} is taken", code="mem.name")
    if view.exists_named("site_membership", f"prefix {body.prefix}"):
        raise RefusedError(f"site_membership: prefix {body.prefix} is taken", code="mem.name")
    if view.exists_named("site_membership", f"root {body.root.hex()}"):
        raise RefusedError("site_membership: the root key belongs to a site", code="mem.key")


def _check_epoch(before: Body, body: Body) -> None:
    """Hold a new log of a site to the entry with which the site itself continues (EPOCH-2)."""
    if body.epoch is UNSET:
        raise RefusedError(
            "site_membership: the coordinator alone cannot replace a site's log", code="mem.key"
        )
    if before.root != body.root:
        raise RefusedError(
            "site_membership: a new log and a new root key are two records", code="mem.key"
        )
    end = open_epoch(body.epoch, origin=body.origin, root=body.root)
    is_kept = (before.status, body.status) == ("admitted", "admitted")
    is_ended = body.ends == Cut(origin=before.origin, size=end.size)
    if not is_kept or not is_ended or end.origin != before.origin:
        raise RefusedError(
            f"site_membership: the log of an admitted site is continued by one that ends "
            f"{before.origin}; this one continues {end.origin} from size {end.size}",
            code="mem.epoch",
        )


def _check_end(before: Body | None, body: Body, versions: list[tuple[int, Body]]) -> None:
    """Hold an ending to a membership that ends, in the site's own log, and never moves it back."""
    if isinstance(body.ends, UnsetType):
        return
    is_continued = before is not None and before.origin != body.origin
    if not is_continued and (body.status not in ENDED or body.ends.origin != body.origin):
        raise RefusedError(
            "site_membership: 'ends' is for who is suspended, has left or was expelled, and names "
            f"its log, {body.origin}",
            code="mem.end",
        )
    endings = [one.ends for _, one in versions if isinstance(one.ends, Cut)]
    latest = max((one.size for one in endings if one.origin == body.ends.origin), default=0)
    if body.ends.size < latest:
        raise RefusedError(
            f"site_membership: {body.site!r} ends at {body.ends.size}, an earlier record says "
            f"{latest}; an end is never moved back",
            code="mem.end",
        )


def _check_successor(before: Body, body: Body, view: View) -> None:
    """Hold a new root key to what the site itself or the other members have signed (MEM-4)."""
    if (body.succession is UNSET) == (body.approvals is UNSET):
        raise RefusedError(
            "site_membership: the coordinator alone cannot replace a site's root key; the site's "
            "own key records must lead to it, or the other members approve it",
            code="mem.key",
        )
    if view.exists_named("site_membership", f"root {body.root.hex()}"):
        raise RefusedError("site_membership: the root key belongs to a site", code="mem.key")
    if body.succession is not UNSET:
        check_succession(body.succession, origin=body.origin, root=before.root, successor=body.root)
    if body.approvals is not UNSET:
        _check_approved(body.approvals, before, body, view)


def _check_approved(approvals: list[bytes], before: Body, body: Body, view: View) -> None:
    """Hold a new root key to those whom the site itself has named to approve one (MEM-10)."""
    if body.mandate is UNSET:
        raise RefusedError(
            "site_membership: 'mandate': expected the site's key record that says who may approve",
            code="mem.key",
        )
    approvers = read_mandate(body.mandate, origin=body.origin, root=before.root)
    check_approvals(
        approvals,
        electorate(view.members(), approvers),
        origin=body.origin,
        before=before.root,
        root=body.root,
        voters=len(approvers),
    )


def _is_epoch(text: str) -> bool:
    return text.isascii() and text.isdecimal() and text[0] != "0" and len(text) < 7


FAMILY = Family("site_membership", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
