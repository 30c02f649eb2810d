"""Certificates of the federation in memory, and ways to tamper with them."""

from collections.abc import Sequence

from msgspec.structs import replace

from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.merkle import Hash, leaf_hash, prove_inclusion, subtree_reader
from sopro_protocol.note import NoteSignature, add_signatures
from sopro_protocol.proof import TlogProof, format_proof, parse_proof
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.certificate_file import Certificate, Disclosed, Proven, StatusPath
from sopro_registry.fields import earliest_day
from sopro_registry.label import Label
from sopro_registry.status import format_leaf
from tests.registry.world import NOW, Author, World, bytes16

TODAY = earliest_day(NOW)


def prove(author: Author, index: int, *, size: int | None = None) -> Proven:
    """Prove an entry under a head of the author's log that its log key signed."""
    size = len(author.entries) if size is None else size
    leaves = [leaf_hash(data) for data in author.entries[:size]]
    hashes = prove_inclusion(subtree_reader(leaves), index=index, size=size)
    head = Checkpoint(author.origin, size, Hash(author.roots[size]))
    note = sign_checkpoint(head, author.keys["log"])
    return Proven(author.entries[index], format_proof(TlogProof(index, tuple(hashes), note)))


def indexes_of(author: Author, family: str, *, entity: str | None = None) -> list[int]:
    records = [read_record(parse_entry(data).record, READERS).record for data in author.entries]
    return [
        index
        for index, record in enumerate(records)
        if record.family == family and (entity is None or record.entity == bytes16(entity))
    ]


def end_batch(world: World) -> None:
    """End the log of `at` with a log_state that states the root of the status tree."""
    at = world.at
    root = world.node.replicas[at.origin].ledger.status_root()
    assert at.write_state(world.coordinator, status_root=root).code is None


def certify(
    world: World, *, label: str = "label", documents: Sequence[Disclosed] = ()
) -> Certificate:
    """Make the certificate of a label of `at` under the present heads."""
    at, eu = world.at, world.coordinator
    state: Label = world.node.state(at.origin, bytes16(label))
    tree = world.node.replicas[at.origin].ledger.statuses
    keys, coordinator_keys = (indexes_of(one, "site_keys/1") for one in (at, eu))
    membership = indexes_of(eu, "site_membership/1", entity="membership of at")[0]
    return Certificate(
        state.number,
        decisions=[prove(at, one) for one in indexes_of(at, "label_decision/1", entity=label)],
        keys=prove(at, 0),
        membership=prove(eu, membership),
        coordinator_keys=prove(eu, 0),
        key_history=[prove(at, one) for one in keys[1:]],
        coordinator_key_history=[prove(eu, one) for one in coordinator_keys[1:]],
        state=prove(at, len(at.entries) - 1),
        status=StatusPath(
            format_leaf(state), state.status_index, tuple(tree.prove(state.status_index))
        ),
        records=[
            prove(at, indexes_of(at, f"{family}/1")[-1]) for family in ("offering", "organisation")
        ],
        documents=documents,
    )


def cosigned(proven: Proven, *lines: NoteSignature) -> Proven:
    """Add cosignatures to the head that an entry is proven under."""
    proof = parse_proof(proven.proof)
    note = add_signatures(proof.checkpoint_note, lines)
    return Proven(proven.entry, format_proof(replace(proof, checkpoint_note=note)))
