"""witness_policy/1: whose cosignatures make a head witnessed, in the coordinator's log (SPEC WIT).

It names sites, not keys: a site's keys stand in its own log under its own root, so that the
coordinator can leave a country out, but never cosign in its name.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import SiteCode

NAME = "policy"


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The policy from this record on.

    Attributes:
        faulty: so many of the witnesses may fail or lie.
        quorum: so many must have cosigned; where absent it follows from the others.
        witnesses: codes of the sites whose witnesses count.
    """

    faulty: Annotated[int, Meta(ge=0, le=63)]
    quorum: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET
    witnesses: Annotated[list[SiteCode], Meta(min_length=1, max_length=64)]


class State(Struct, frozen=True, array_like=True):
    """Every version of the policy, with the position of its record."""

    versions: list[tuple[int, Body]]


def quorum_of(body: Body) -> int:
    """Say how many witnesses must have cosigned (SPEC WIT-12).

    Two quorums of this size have more witnesses in common than may be faulty.
    """
    if body.quorum is not UNSET:
        return body.quorum
    return (len(body.witnesses) + body.faulty) // 2 + 1


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Add a version of the policy.

    Raises:
        RefusedError: `wit.policy` for a second policy, a site named twice or unknown, or a quorum
            that its witnesses cannot reach.
    """
    body = fact.body
    if state is None and view.exists_named("witness_policy", NAME):
        raise RefusedError("witness_policy: there is one already", code="wit.policy")
    if len(set(body.witnesses)) != len(body.witnesses):
        raise RefusedError("witness_policy: a site is named twice", code="wit.policy")
    for site in body.witnesses:
        if site != view.site and not view.exists_named("site_membership", site):
            raise RefusedError(f"witness_policy: no member {site!r}", code="wit.policy")
    if quorum_of(body) > len(body.witnesses):
        raise RefusedError(
            f"witness_policy: a quorum of {quorum_of(body)} is more than the"
            f" {len(body.witnesses)} witnesses",
            code="wit.policy",
        )
    versions = [*(state.versions if state else []), (fact.index, body)]
    return Change(State(versions), names=(NAME,))


FAMILY = Family("witness_policy", 1, Body, State, Role.REGISTRAR, Place.COORDINATOR, apply)
