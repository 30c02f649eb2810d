"""Making certificates and proofs from the logs this node holds."""

import msgspec

from sopro_node.holdings import HeldLog, Holdings
from sopro_node.keyrecords import list_key_records
from sopro_node.store.base import Reader
from sopro_protocol.errors import NotFoundError, UnavailableError
from sopro_protocol.merkle import prove_inclusion
from sopro_protocol.proof import TlogProof, format_proof
from sopro_registry.catalogue import decode_state
from sopro_registry.certificate import Proven, format_certificate
from sopro_registry.families import site_membership
from sopro_registry.label import Label

_LABEL = msgspec.msgpack.Decoder(Label)


def make_proof(held: HeldLog, position: int) -> bytes:
    """Write the tlog-proof of an entry under the head this node serves.

    Raises:
        NotFoundError: no signed head covers that position.
    """
    size = held.signed_size
    if not 0 <= position < size:
        raise NotFoundError(f"{held.origin}: no entry {position} under the head at size {size}")
    hashes = prove_inclusion(held.tree.read, index=position, size=size)
    return format_proof(TlogProof(position, tuple(hashes), held.checkpoint, None))


def make_certificate(reader: Reader, holdings: Holdings, number: str) -> bytes:
    """Write a label's certificate file.

    Raises:
        NotFoundError: no log this node holds has that number.
        UnavailableError: what ties the site to the federation is not here yet.
    """
    row = reader.label(number)
    if row is None:
        raise NotFoundError(f"no label {number[:64]!r} is known here")
    held = next(held for held in holdings.logs.values() if held.number == row.log)
    coordinator = holdings.coordinator
    entity = coordinator and reader.named(coordinator.number, "site_membership", held.site)
    if coordinator is None or not entity:
        raise UnavailableError("the coordinator's log is not here yet; try again after a sync")
    return format_certificate(
        number,
        decisions=[
            _prove(reader, holdings, held, decision.index)
            for decision in _LABEL.decode(row.state).decisions
        ],
        keys=_prove_keys(reader, holdings, held),
        membership=_prove(
            reader, holdings, coordinator, _latest_membership(reader, coordinator, entity)
        ),
        coordinator_keys=_prove_keys(reader, holdings, coordinator),
    )


def _prove(reader: Reader, holdings: Holdings, held: HeldLog, position: int) -> Proven:
    return Proven(holdings.entry(reader, held, position), make_proof(held, position))


def _prove_keys(reader: Reader, holdings: Holdings, held: HeldLog) -> list[Proven]:
    """Prove the key records that the head this node serves covers."""
    return [
        Proven(one.entry, make_proof(held, one.position))
        for one in list_key_records(reader, holdings, held)
    ]


def _latest_membership(reader: Reader, coordinator: HeldLog, entity: bytes) -> int:
    row = reader.entity(coordinator.number, entity)
    if row is None or not isinstance(row.state, bytes):
        raise NotFoundError("the membership record is not here")
    state = decode_state("site_membership", row.state)
    if not isinstance(state, site_membership.State):
        raise NotFoundError("the membership record is not here")
    return state.versions[-1][0]
