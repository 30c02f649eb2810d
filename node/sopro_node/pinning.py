"""Pinning a federation: whose coordinator this site follows from now on, once and for all."""

from sopro_node.identity import Invite, save_federation
from sopro_node.node import Node
from sopro_protocol.errors import RefusedError


def check_invite(node: Node, invite: Invite) -> None:
    """See that this site can join the federation named by an invite.

    Raises:
        RefusedError: this site was made for another federation, or is pinned to another.
    """
    if invite.federation != node.identity.federation:
        raise RefusedError(
            f"this site was made for the federation {node.identity.federation!r}, the invite "
            f"is for {invite.federation!r}; make the site anew with "
            f"--federation {invite.federation}, in a directory of its own, because that name "
            "is in every signed head of its log"
        )
    held = node.pinned
    is_other = held is not None and (held.origin, held.root) != (invite.origin, invite.root)
    # As long as nothing of the coordinator's log is held, nothing rests on the pin.
    if is_other and node.holdings.coordinator is not None:
        raise RefusedError(
            "this site is pinned to another coordinator already; only the federation's "
            "recovery can change that"
        )


async def pin(node: Node, invite: Invite) -> None:
    """Pin the federation named by an invite.

    Raises:
        RefusedError: as `check_invite`.
    """
    check_invite(node, invite)

    def save() -> None:
        with node.store.transaction():
            save_federation(node.store, invite)

    await node.writer.run(save)
    node.pinned = invite
    node.holdings.coordinator_origin = invite.origin
    node.exchange.refresh_soon()
