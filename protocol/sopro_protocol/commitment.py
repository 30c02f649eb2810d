r"""Commitments to documents: what can be erased without touching the log.

`commitment = HMAC-SHA256(key, "sopro-document/1\n" || content)` with a key of 32 random bytes that
is kept, shown and erased together with the content (SPEC section DOC).
"""

import hmac
from typing import Final

from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.record import MAX_DOCUMENT_SIZE, Commitment

DOCUMENT_CONTEXT: Final = b"sopro-document/1\n"
KEY_SIZE: Final = 32
STRUCTURED: Final = "application/vnd.sopro.document+msgpack"


def commit_document(content: bytes, *, key: bytes) -> bytes:
    """Commit to a document's content (SPEC DOC-2).

    Raises:
        FormatError: `acc.commitment` when the key is not 32 bytes or the content is too large.
    """
    if len(key) != KEY_SIZE:
        raise FormatError(
            f"document: the key has {len(key)} bytes, expected {KEY_SIZE}", code="acc.commitment"
        )
    if len(content) > MAX_DOCUMENT_SIZE:
        raise FormatError(
            f"document: {len(content)} bytes, at most {MAX_DOCUMENT_SIZE} are allowed",
            code="acc.commitment",
        )
    return hmac.digest(key, DOCUMENT_CONTEXT + content, "sha256")


def check_document(content: bytes, *, key: bytes, commitment: Commitment) -> None:
    """Check that content and key are the ones a record commits to (SPEC DOC-2).

    Raises:
        FormatError: `acc.commitment` when the key or content cannot be one.
        VerificationError: `acc.commitment` when they are others.
    """
    digest = commit_document(content, key=key)
    if len(content) != commitment.size or not hmac.compare_digest(digest, commitment.commitment):
        raise VerificationError(
            f"document {commitment.name[:40]!r}: content and key do not match the commitment",
            code="acc.commitment",
        )
