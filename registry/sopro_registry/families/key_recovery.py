"""key_recovery/1: a member agrees that another site's lost root key is replaced (SPEC MEM-REC).

Where a site has lost its root key and the successor it had committed to, as many of the other
members as MEM-10 asks for put the same approval into their own logs. The coordinator collects them
in the membership record that names the new root key.
"""

from msgspec import Struct

from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import Role, check_public_key
from sopro_registry.family import Change, Fact, Family, Place, View
from sopro_registry.fields import Bytes32, Origin


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is agreed to; the approvals of all members are alike, byte for byte.

    Attributes:
        before: the root key that the site's membership names until then.
        origin: of the site's log.
        root: the key that becomes its root key.
    """

    before: Bytes32
    origin: Origin
    root: Bytes32


class State(Struct, frozen=True, array_like=True):
    """One approval."""

    index: int
    before: bytes
    origin: str
    root: bytes


def apply(fact: Fact[Body], state: State | None, view: View) -> Change[State]:
    """Keep an approval.

    Raises:
        RefusedError: `mem.key` for a second record on the entity, and for the site's own log,
            `sig.weak-key`.
    """
    body = fact.body
    if state is not None:
        raise RefusedError("key_recovery: an approval is one record", code="mem.key")
    if body.origin == view.origin:
        raise RefusedError("key_recovery: a site does not approve its own key", code="mem.key")
    try:
        check_public_key(body.root)
    except FormatError as error:
        raise RefusedError(f"key_recovery: {error}", code="sig.weak-key") from None
    return Change(State(fact.index, body.before, body.origin, body.root))


FAMILY = Family("key_recovery", 1, Body, State, Role.ROOT, Place.MEMBER, apply)
