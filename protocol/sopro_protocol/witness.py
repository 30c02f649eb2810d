"""What a witness asks of a request before it cosigns (c2sp tlog-witness; section WIT).

The order of the checks is the order of the statuses: form (400), origin (404, the caller's),
signature of the log (403), sizes (400, 409), proof (422). Each function is one step of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .checkpoint import Checkpoint, format_checkpoint, read_checkpoint_text
from .cosignature import AddCheckpoint, cosign, parse_add_checkpoint
from .errors import ConflictError, FormatError, VerificationError
from .keys import Signer, VerifierKey
from .merkle import EMPTY_ROOT, Hash, check_consistency
from .note import Note, NoteSignature, format_note, parse_note, verify_note

MAX_REQUEST: Final = 128 * 1024
SIZE_TYPE: Final = "text/x.tlog.size"

_WITNESS: Final = "witness"


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request whose log has not been asked for its signature yet."""

    checkpoint: Checkpoint
    asked: AddCheckpoint
    note: Note


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that its log signed; only `open_request` makes one.

    Attributes:
        checkpoint: offered; the root of size 0 is judged by `check_growth`.
        old_size: that the log believes the witness to hold.
        proof: that the tree only grew since.
        lines: the log's signatures, each verified, and no other.
    """

    checkpoint: Checkpoint
    old_size: int
    proof: tuple[Hash, ...]
    lines: tuple[NoteSignature, ...]


def witness_name(federation: str, site: str) -> str:
    """Return the key name of a site's witness (WIT-1)."""
    return f"{federation}/{site}/{_WITNESS}"


def parse_request(data: bytes) -> Request:
    """Parse a request to cosign with the checkpoint in it (tlog-witness; COS-4, WIT-3).

    Raises:
        FormatError: One of them is none (`ckp.format`).
    """
    if len(data) > MAX_REQUEST:
        raise FormatError(
            f"add-checkpoint: expected at most {MAX_REQUEST} bytes, got {len(data)}",
            code="ckp.format",
        )
    asked = parse_add_checkpoint(data)
    note = parse_note(asked.note)
    return Request(read_checkpoint_text(note.text), asked, note)


def open_request(request: Request, keys: Sequence[VerifierKey]) -> Submission:
    """Open a request that its log signed, and keep no line that nobody verified (WIT-3, WIT-5).

    Raises:
        VerificationError: None of the keys signed it, or a line of one fails (`ckp.signature`).
    """
    verify_note(request.note, keys)
    known = {(key.name, key.note_key_id) for key in keys}
    lines = [line for line in request.note.signatures if (line.name, line.key_id) in known]
    asked = request.asked
    return Submission(request.checkpoint, asked.old_size, asked.proof, tuple(lines))


def check_growth(submission: Submission, *, size: int, root: bytes) -> None:
    """Check that the offered tree continues the one this witness cosigned last (WIT-3).

    Args:
        submission: what is offered.
        size: cosigned last for its origin, 0 for none.
        root: at that size.

    Raises:
        FormatError: The old size is above the new one (`wit.old-size`).
        ConflictError: The old size is not the witness's (`wit.size`).
        VerificationError: The proof fails, or a root is not what it must be (`proof.invalid`).
    """
    offered = submission.checkpoint
    if submission.old_size > offered.size:
        raise FormatError(
            f"add-checkpoint: old size, expected at most {offered.size}, got {submission.old_size}",
            code="wit.old-size",
        )
    if submission.old_size != size:
        raise ConflictError(
            f"add-checkpoint: old size, expected {size}, got {submission.old_size}", code="wit.size"
        )
    if offered.size == 0 and offered.root != EMPTY_ROOT:
        raise VerificationError(
            f"add-checkpoint: root of size 0, expected SHA-256 of nothing, got"
            f" {offered.root.hex()}",
            code="proof.invalid",
        )
    check_consistency(
        old_size=size,
        new_size=offered.size,
        old_root=root,
        new_root=offered.root,
        proof=submission.proof,
    )


def cosign_submission(
    submission: Submission, *, name: str, signer: Signer, time: int
) -> tuple[NoteSignature, bytes]:
    """Cosign what was checked: the new line, and the note a witness keeps (COS-1, WIT-5).

    Raises:
        FormatError: The time is none that can be cosigned (`ckp.format`).
    """
    line = cosign(submission.checkpoint, name=name, signer=signer, time=time)
    note = Note(format_checkpoint(submission.checkpoint), (*submission.lines, line))
    return line, format_note(note)
