"""What a reader of a certificate knows besides the file, and how a site stands that has gone.

Who holds logs need not take a file's word for what stands in them, nor for who is a member
(SPEC CERT-15, CERT-16).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sopro_protocol.errors import VerificationError
from sopro_protocol.merkle import leaf_hash
from sopro_registry.certificate_log import CertificateLog
from sopro_registry.families import site_membership
from sopro_registry.fields import Cut
from sopro_registry.tables import Void


class Gone(NamedTuple):
    """That a site takes no part any more with a log, as the coordinator has recorded.

    Attributes:
        time: of that record, ms UTC.
        end: size of the log from which its records count no more; None where none is stated.
    """

    time: int
    end: int | None


class KnownLog(NamedTuple):
    """A log as it is held.

    Attributes:
        size: how many of its entries are held and judged.
        root_at: returns the root of its first entries, of so many as are held.
        key_records: leaf hashes of those that count, by position.
        void: returns why a judged entry counts for nothing; None where it counts.
        beginning: entry 0 as the membership names it; empty where it continues no other log.
        gone: that its site takes no part any more with it; None while it does.
    """

    size: int
    root_at: Callable[[int], bytes]
    key_records: Mapping[int, bytes]
    void: Callable[[int], Void | None]
    beginning: bytes
    gone: Gone | None


class Knowledge(NamedTuple):
    """What is known of a federation.

    Attributes:
        size: of the coordinator's log, up to which memberships are known.
        log: returns a log by its origin; None where it is not held.
    """

    size: int
    log: Callable[[str], KnownLog | None]

    def check(self, log: CertificateLog) -> None:
        """Hold a log as a file shows it to what is known of it (SPEC CERT-16).

        Raises:
            VerificationError: `hos.fork`, its heads are of another history; `sta.keys`, its key
                records are others; `mem.epoch`, it is not the log that its membership names.
        """
        known = self.log(log.origin)
        if known is None:
            return
        for head in log.heads:
            if head.size <= known.size and known.root_at(head.size) != head.root:
                raise VerificationError(
                    f"certificate: {log.origin}: the head at size {head.size} is of another "
                    "history than the one known here",
                    code="hos.fork",
                )
        _check_keys(log, known)
        if known.beginning and log.key_records[0] != leaf_hash(known.beginning):
            raise VerificationError(
                f"certificate: {log.origin}: begins otherwise than its membership names it",
                code="mem.epoch",
            )

    def check_counted(self, origin: str, positions: Iterable[int]) -> None:
        """Hold decisions to what counts in their log.

        Raises:
            VerificationError: one counts for nothing; the code says why.
        """
        known = self.log(origin)
        for position in positions if known is not None else ():
            assert known is not None, "asked above"  # noqa: S101  # for the type checker
            void = known.void(position) if position < known.size else None
            if void is not None:
                raise VerificationError(
                    f"certificate: {origin}: the decision at {position} counts for nothing: "
                    f"{void.message}",
                    code=void.code,
                )
            check_end(position, known.gone.end if known.gone is not None else None)

    def gone(self, origin: str, *, recorded: int, told: Gone | None) -> Gone | None:
        """Return whether a site has gone: by what is newer, this knowledge or a file.

        Args:
            origin: of its log.
            recorded: position of the membership record in the file.
            told: what that says.
        """
        known = self.log(origin)
        return told if known is None or recorded >= self.size else known.gone


def _check_keys(log: CertificateLog, known: KnownLog) -> None:
    top = max(head.size for head in log.heads)
    lacking = [
        position
        for position, leaf in known.key_records.items()
        if position < top and log.key_records.get(position) != leaf
    ]
    strange = [
        position
        for position in log.key_records
        if position < known.size and position not in known.key_records
    ]
    if lacking or strange:
        raise VerificationError(
            f"certificate: {log.origin}: the key record at {min(lacking + strange)} is not the one "
            "known here, or is left out",
            code="sta.keys",
        )


def read_gone(member: site_membership.Body, origin: str, *, time: int) -> Gone | None:
    """Return that a site takes no part any more with a log, as a membership record says.

    Args:
        member: the record's body.
        origin: of the log.
        time: of the record, ms UTC.
    """
    ends = member.ends
    end = ends.size if isinstance(ends, Cut) and ends.origin == origin else None
    if member.origin == origin and member.status == "admitted":
        return None
    return Gone(time, end)


def check_end(position: int, end: int | None) -> None:
    """Hold a decision to the part of the log that its site's membership covers (SPEC CERT-6).

    Raises:
        VerificationError: `mem.inactive`, it came after.
    """
    if end is not None and position >= end:
        raise VerificationError(
            f"certificate: the site's membership ended at position {end} of its log, "
            f"the decision at {position} came after",
            code="mem.inactive",
        )
