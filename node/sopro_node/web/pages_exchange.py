"""How fresh what this node holds is: for each log when it was confirmed and what went wrong."""

from dataclasses import dataclass
from typing import Final

from sopro_node.evidence import Kept
from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_registry.families import site_membership

_FORK: Final = "hos.fork"


@dataclass(frozen=True, slots=True)
class PeerView:
    """One log as pages show its exchange.

    Attributes:
        origin: of the log.
        site: code.
        member: the site's membership, where the coordinator's log names one.
        held: the log, where this node holds it.
        is_own: whether it is this node's own log.
        confirmed: when its head was last found to be the newest, ms UTC; 0 for never.
        failures: tries that failed since.
        code: of the last failure; empty when there is none.
        message: of the last failure, for the administrator.
        seconds: the last pull took.
        evidence: that it has two histories, and that nobody has settled.
    """

    origin: str
    site: str
    member: site_membership.Body | None
    held: HeldLog | None
    is_own: bool
    confirmed: int = 0
    failures: int = 0
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    evidence: tuple[Kept, ...] = ()

    @property
    def has_two_histories(self) -> bool:
        """Whether the site has shown two histories."""
        return bool(self.evidence) or self.code == _FORK


def view_peer(node: Node, origin: str) -> PeerView:
    """Describe the exchange of one log."""
    holdings = node.holdings
    site = origin.split("/")[1]
    member = holdings.directory.membership(site)
    held = holdings.logs.get(origin)
    state = node.exchange.peers.get(origin)
    evidence = tuple(node.evidence.standing(origin))
    if origin == holdings.own_origin or state is None:
        is_own = origin == holdings.own_origin
        code = _FORK if evidence else ""
        return PeerView(origin, site, member, held, is_own, code=code, evidence=evidence)
    return PeerView(
        origin,
        site,
        member,
        held,
        is_own=False,
        confirmed=state.confirmed,
        failures=state.failures,
        code=_FORK if evidence else state.code,
        message=state.message,
        seconds=state.seconds,
        evidence=evidence,
    )


def view_peers(node: Node) -> list[PeerView]:
    """Describe the exchange of every member's log and the coordinator's, but not the own one's."""
    origins = {member.origin for member in node.holdings.directory.members()}
    origins |= set(node.exchange.peers)
    if node.holdings.coordinator_origin:
        origins.add(node.holdings.coordinator_origin)
    origins.discard(node.holdings.own_origin)
    return [view_peer(node, origin) for origin in sorted(origins)]
