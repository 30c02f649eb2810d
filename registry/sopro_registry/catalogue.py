"""The one list of record families this version knows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from sopro_protocol.encoding import Canonical
from sopro_registry.families import (
    anchor,
    appeal,
    assessor_authorisation,
    codelist,
    complaint,
    complaint_answer,
    conformance_statement,
    criteria_set,
    criterion,
    erasure,
    erasure_receipt,
    evaluation,
    import_closed,
    key_recovery,
    label_application,
    label_decision,
    log_state,
    offering,
    organisation,
    organisation_relation,
    orphan_erasure,
    review,
    scheme,
    serve_alone,
    site_keys,
    site_membership,
    withhold,
    witness_policy,
)
from sopro_registry.family import Family

FAMILIES: Final[Mapping[str, Family[Any, Any]]] = MappingProxyType(
    {
        family.name: family
        for family in (
            site_keys.FAMILY,
            log_state.FAMILY,
            serve_alone.FAMILY,
            site_membership.FAMILY,
            witness_policy.FAMILY,
            key_recovery.FAMILY,
            anchor.FAMILY,
            scheme.FAMILY,
            criterion.FAMILY,
            criteria_set.FAMILY,
            codelist.FAMILY,
            organisation.FAMILY,
            organisation_relation.FAMILY,
            offering.FAMILY,
            assessor_authorisation.FAMILY,
            label_application.FAMILY,
            evaluation.FAMILY,
            review.FAMILY,
            label_decision.FAMILY,
            import_closed.FAMILY,
            complaint.FAMILY,
            complaint_answer.FAMILY,
            appeal.FAMILY,
            conformance_statement.FAMILY,
            erasure.FAMILY,
            orphan_erasure.FAMILY,
            erasure_receipt.FAMILY,
            withhold.FAMILY,
        )
    }
)

READERS: Final[Mapping[str, Canonical[Struct]]] = MappingProxyType(
    {family.title: family.reader() for family in FAMILIES.values()}
)

_STATE_DECODERS: Final = {
    name: msgspec.msgpack.Decoder(family.state) for name, family in FAMILIES.items()
}
_STATE_ENCODER: Final = msgspec.msgpack.Encoder()


def encode_state(state: Struct) -> bytes:
    """Encode an entity's state for the tables (not a wire format)."""
    return _STATE_ENCODER.encode(state)


def decode_state(family: str, data: bytes) -> Struct:
    """Decode an entity's state from the tables."""
    state: Struct = _STATE_DECODERS[family].decode(data)
    return state
