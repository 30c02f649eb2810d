"""Documents: from what an officer hands in to a commitment in the record and a row beside it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from sopro_node.store.rows import DocumentRow
from sopro_protocol.commitment import KEY_SIZE, STRUCTURED, commit_document
from sopro_protocol.encoding import Value, encode
from sopro_protocol.errors import FormatError
from sopro_protocol.record import MAX_DOCUMENTS, Commitment, Visibility

VISIBILITIES: Final[tuple[Visibility, ...]] = ("public", "members", "parties", "site")


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be committed to.

    Attributes:
        name: what it is in its record.
        content: its bytes.
        type: media type.
        visibility: who may read it.
        parties: site codes, only with visibility `parties`.
    """

    name: str
    content: bytes
    type: str = STRUCTURED
    visibility: Visibility = "public"
    parties: tuple[str, ...] = ()


def structured(
    name: str, fields: Mapping[str, Value], *, visibility: Visibility = "public"
) -> NewDocument:
    """Make a document of fields: a canonical map.

    Raises:
        FormatError: a field has no canonical form.
    """
    return NewDocument(name, encode(fields), visibility=visibility)


def is_party(commitment: Commitment, site: str) -> bool:
    """Say whether a document is meant for a site besides its own (SPEC DOC-6)."""
    if commitment.visibility == "parties":
        return commitment.parties is not UNSET and site in commitment.parties
    return commitment.visibility != "site"


def commit_all(
    documents: Sequence[NewDocument], *, position: int
) -> tuple[list[Commitment], list[DocumentRow]]:
    """Commit to documents, each with a fresh key.

    Raises:
        FormatError: there are too many, or one is too large.
    """
    if len(documents) > MAX_DOCUMENTS:
        raise FormatError(f"{len(documents)} documents, at most {MAX_DOCUMENTS} fit a record")
    commitments, rows = [], []
    for number, document in enumerate(documents):
        key = os.urandom(KEY_SIZE)
        parties = {"parties": list(document.parties)} if document.parties else {}
        commitments.append(
            Commitment(
                commitment=commit_document(document.content, key=key),
                name=document.name,
                size=len(document.content),
                type=document.type,
                visibility=document.visibility,
                **parties,
            )
        )
        visibility = VISIBILITIES.index(document.visibility)
        rows.append(DocumentRow(position, number, visibility, key, document.content))
    return commitments, rows
