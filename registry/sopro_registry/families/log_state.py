"""log_state/1: the last record of every batch, what the site knew then (SPEC STATE).

Rules about criteria, membership and prefixes read the coordinator's log at the size named by the
last log_state before an entry: one order for everybody.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.appointment import digest_voters, list_voters
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes32, Count, Head


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the site states about its log at this position.

    Attributes:
        certificates: number of grants before this record, the size of the status tree.
        coordinator: the coordinator's head the site acts on from here; absent before joining
            and in the coordinator's own log.
        keys: entry id of the latest site_keys record.
        members: in the coordinator's log, digest of who may appoint its successor; absent in logs
            that are older than that.
        status_root: root of the status tree; absent in logs older than the tree.
        withheld: number of entries withheld by records before this one; absent where none is.
    """

    certificates: Count
    coordinator: Head | UnsetType = UNSET
    keys: Bytes32
    members: Bytes32 | UnsetType = UNSET
    status_root: Bytes32 | UnsetType = UNSET
    withheld: Count | UnsetType = UNSET


class State(Struct, frozen=True, array_like=True):
    """The latest log_state."""

    index: int
    certificates: int


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Take the named head of the coordinator as the one rules read from here on.

    Raises:
        RefusedError: `sta.certificates`, `sta.keys` when it contradicts its own log;
            `sta.coordinator` when the coordinator's size falls, its root is another, or one is
            named where none belongs; `sta.status` when the status tree has another root, or
            none is stated where one was before; `sta.members` for other members or in another
            log than the coordinator's; `sta.withheld` for another number of withheld entries.
        Waiting: the coordinator's log is not here up to the size it names.
    """
    body = fact.body
    if body.certificates != view.grants:
        raise RefusedError(
            f"log_state: {body.certificates} certificates, the log holds {view.grants}",
            code="sta.certificates",
        )
    if body.keys != view.keys_record:
        raise RefusedError("log_state: not the latest key record", code="sta.keys")
    _check_coordinator(body.coordinator, view)
    _check_members(body.members, view)
    _check_status(body.status_root, view)
    withheld = 0 if body.withheld is UNSET else body.withheld
    if withheld != view.withheld:
        raise RefusedError(
            f"log_state: {withheld} entries withheld, the log withholds {view.withheld}",
            code="sta.withheld",
        )
    acted_on = None if body.coordinator is UNSET else body.coordinator
    return Change(
        State(fact.index, body.certificates),
        acted_on=acted_on,
        states_status=body.status_root is not UNSET,
    )


def _check_members(stated: bytes | UnsetType, view: View) -> None:
    if stated is UNSET:
        return
    if not view.is_coordinator or stated != digest_voters(list_voters(view.members())):
        raise RefusedError(
            "log_state: states other members than the log before it admits, or is not the "
            "coordinator's",
            code="sta.members",
        )


def _check_status(stated: bytes | UnsetType, view: View) -> None:
    if stated is UNSET:
        if view.states_status:
            raise RefusedError(
                "log_state: states no root of the status tree any more; where this version "
                "cannot judge a label, a newer one must be installed",
                code="sta.status",
            )
        return
    expected = view.status_root()
    if expected is not None and stated != expected:
        raise RefusedError(
            f"log_state: status root {stated.hex()}, the log leads to {expected.hex()}",
            code="sta.status",
        )


def _check_coordinator(head: Head | UnsetType, view: View) -> None:
    held = view.acted_on
    if head is UNSET:
        if held is not None:
            raise RefusedError("log_state: names no coordinator any more", code="sta.coordinator")
        return
    if view.is_coordinator:
        raise RefusedError(
            "log_state: the coordinator's own log names no coordinator", code="sta.coordinator"
        )
    if held is not None and head.size < held.size:
        raise RefusedError(
            f"log_state: the coordinator's size falls from {held.size} to {head.size}",
            code="sta.coordinator",
        )
    if view.coordinator_root(head.size) != head.root:
        raise RefusedError(
            f"log_state: the coordinator's log has another root at size {head.size}",
            code="sta.coordinator",
        )


def complete(values: Mapping[str, Any], _state: State | None, view: View) -> Mapping[str, Any]:
    """Fill in what the log itself says at this position."""
    root = view.status_root()
    status = {} if root is None else {"status_root": root}
    withheld = {"withheld": view.withheld} if view.withheld else {}
    members = {"members": digest_voters(list_voters(view.members()))} if view.is_coordinator else {}
    return {
        **members,
        "certificates": view.grants,
        "keys": view.keys_record,
        **status,
        **withheld,
        **values,
    }


FAMILY = Family("log_state", 1, Body, State, Role.REGISTRAR, Place.ANY, apply, complete)
