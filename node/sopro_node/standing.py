"""How far records have come, accepted to mirrored, and how the witnesses do (SPEC WIT)."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sopro_node import clock
from sopro_node.approving import foreign_root
from sopro_node.cosigners import WitnessState
from sopro_node.drafting import Draft, Note
from sopro_node.heldlog import HeldLog
from sopro_node.node import Node
from sopro_node.policy import has_gone
from sopro_protocol.errors import NotFoundError, RefusedError, UnavailableError
from sopro_protocol.policy import format_policy
from sopro_registry.families.witness_policy import NAME, quorum_of
from sopro_registry.fields import format_day

Answer = dict[str, Any]


async def identity(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Say who this node is."""
    return {
        "site": node.identity.site,
        "origin": node.identity.origin,
        "country": node.identity.country,
        "zone": node.identity.zone,
        "languages": node.identity.languages,
        "coordinator": node.identity.coordinator,
        "root": hashlib.sha256(node.identity.root).hexdigest(),
        "today": format_day(node.desk.today()),
    }


def describe_standing(node: Node) -> Answer:
    """Describe the node as `Node.status` does, and how far its records and its mirrors' are."""
    answer = node.status()
    own = node.holdings.own
    for mirror in answer["mirrors"]:
        held = node.holdings.logs.get(mirror["origin"])
        mirror["witnessed"] = held.witnessed_size if held else 0
        mirror["holds_ours"] = node.cosignatures.mirrored.get(mirror["origin"], 0)
    answer["publication"] = {
        "accepted": own.size,
        "published": own.signed_size,
        "witnessed": own.witnessed_size,
        "mirrored": own.mirrored_size,
        "unwitnessed_seconds": round(unwitnessed_seconds(node, own), 1),
    }
    root = foreign_root(node)
    answer["foreign_root"] = root.hex() if root else None
    answer["witness_policy"] = describe_policy(node)
    answer["witnesses"] = [
        _describe_witness(node, state) for _, state in sorted(node.cosigners.witnesses.items())
    ]
    return answer


def unwitnessed_seconds(node: Node, held: HeldLog) -> float:
    """Return how long the oldest head without a quorum has waited; 0 where there is no policy."""
    if node.holdings.directory.witness_policy() is None:
        return 0.0
    return node.cosignatures.unwitnessed_seconds(held.origin)


def _describe_witness(node: Node, state: WitnessState) -> Answer:
    time = node.cosignatures.sites(node.holdings.own_origin).get(state.site)
    return {
        "site": state.site,
        "size": state.size,
        "cosigned_at": clock.format_time(time * 1000) if time else None,
        "failures": state.failures,
        "problem": {"code": state.code, "message": state.message} if state.code else None,
    }


def describe_policy(node: Node) -> Answer | None:
    """Describe the witness policy in force; None where there is none."""
    body = node.holdings.directory.witness_policy()
    if body is None:
        return None
    return {
        "witnesses": list(body.witnesses),
        "faulty": body.faulty,
        "quorum": quorum_of(body),
        "keys_known": node.cosignatures.policy is not None,
        "gone": [site for site in body.witnesses if has_gone(node.holdings, site)],
    }


async def policy(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Describe the witness policy in force. Answers `policy`, None for none."""
    return {"policy": describe_policy(node)}


async def publish_policy(node: Node, values: Mapping[str, Any], note: Note | None = None) -> Answer:
    """Publish the witness policy. `witnesses`: site codes; `faulty`; `quorum`?."""
    if not node.identity.coordinator:
        raise RefusedError("only the coordination node says whose cosignatures count")
    gone = [site for site in values["witnesses"] if has_gone(node.holdings, site)]
    if gone:
        raise RefusedError(
            f"{', '.join(gone)}: no member any more, so its cosignatures count for nothing; name "
            "sites that are",
            code="wit.policy",
        )
    fields = {"witnesses": list(values["witnesses"]), "faulty": values["faulty"]}
    if values.get("quorum") is not None:
        fields["quorum"] = values["quorum"]
    entity = node.reader.named(1, "witness_policy", NAME)
    draft = Draft("witness_policy", fields, entity=entity)
    outcome = await node.log.append(draft, note=note)
    return {"policy": describe_policy(node), "index": outcome.index}


async def export_policy(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Write the policy in force with its keys as tlog-policy (SPEC WIT-15). Answers `content`."""
    if node.holdings.directory.witness_policy() is None:
        raise NotFoundError("the federation has no witness policy that this node knows")
    known = node.cosignatures.policy
    if known is None:
        raise UnavailableError(
            "the keys of too few witnesses are known here; try again after a sync, and see that "
            "'mirror' in node.toml names their sites and that they are members still"
        )
    return {"content": format_policy(known)}
