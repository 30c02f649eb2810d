"""The errors a caller can act on, one class for each thing a caller does differently.

Every error carries a `code`, a stable machine-readable reason such as `enc.duplicate-key`; the
message is one line for a person: where, what, expected, got.
"""

from collections.abc import Mapping


class SoproError(Exception):
    """The root of all errors that are not bugs."""

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code


class FormatError(SoproError):
    """Bytes or text do not follow their format."""

    default_code = "format"


class VerificationError(SoproError):
    """Well-formed, but a signature, proof or quorum fails."""

    default_code = "verification"


class SplitViewError(VerificationError):
    """Two signed heads of one log exclude one another; both notes are the evidence."""

    default_code = "hos.fork"

    def __init__(self, message: str, *, held: bytes, offered: bytes) -> None:
        super().__init__(message)
        self.held = held
        self.offered = offered


class RefusedError(SoproError):
    """Genuine, but a rule forbids it; the code names the rule."""

    default_code = "refused"


class ConflictError(SoproError):
    """The caller's view is out of date; look again and retry.

    Attributes:
        current: what it is now, where that can be told: for the caller's eyes only.
    """

    default_code = "conflict"

    def __init__(
        self, message: str, *, code: str | None = None, current: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.current = current


class NotFoundError(SoproError):
    """No such origin, index, entity or label."""

    default_code = "not-found"


class WithheldError(NotFoundError):
    """An entry is withheld: it was there, and nobody shows it any more."""

    default_code = "entry.withheld"


class PeerError(SoproError):
    """Another site failed us: its URL, and the status, limit or deadline."""

    default_code = "peer"


class UnavailableError(SoproError):
    """This node cannot do it now and says why; the caller may retry later."""

    default_code = "unavailable"


class StorageFullError(SoproError):
    """The disk is full: nothing was written, nothing acknowledged is lost."""

    default_code = "storage-full"
