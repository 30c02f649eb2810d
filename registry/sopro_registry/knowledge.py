"""What a reader of a certificate knows besides the file, and how a site stands that has gone.

Who holds logs need not take a file's word for what stands in them, nor for who is a member, and
goes by what they say of a label beyond the file (SPEC CERT-15, CERT-16, CERT-18).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from sopro_protocol.errors import VerificationError
from sopro_protocol.merkle import leaf_hash
from sopro_registry.certificate_log import CertificateLog
from sopro_registry.families import site_membership
from sopro_registry.fields import Cut, format_day
from sopro_registry.label import status_at
from sopro_registry.queries import UNDETERMINED
from sopro_registry.tables import Void
from sopro_registry.transfer import Course


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
        time: claimed by the last record that is held and counts, ms UTC; 0 for none.
        witnessed: size of the newest head known to have had its quorum.
    """

    size: int
    root_at: Callable[[int], bytes]
    key_records: Mapping[int, bytes]
    void: Callable[[int], Void | None]
    beginning: bytes
    gone: Gone | None
    time: int = 0
    witnessed: int = 0

    def covers_end(self) -> bool:
        """Say whether nothing can follow that counts: it is held to where it has ended."""
        return self.gone is not None and self.gone.end is not None and self.size >= self.gone.end


class Later(Struct, frozen=True):
    """What is known of a label beyond a file.

    Attributes:
        site: code of who decides on it on the day asked about.
        status: on that day, in one word.
        valid_until: last civil date of validity, where one is stated.
        suspended_until: last civil date of a suspension, where one is stated.
        decided: action and day of every decision that the file does not hold, oldest first.
        origin: of the log in which the last of them is.
        index: its position there.
        as_of: time of the last record that is known of that log (ms UTC), as its site claims.
        on_record_since: since when all is on record that this follows from (SPEC OVL-11).
        recorded_late: whether that was written down long after it held, and after that day.
    """

    site: str
    status: str
    valid_until: str | None
    suspended_until: str | None
    decided: list[tuple[str, str | None]]
    origin: str
    index: int
    as_of: int
    on_record_since: str | None = None
    recorded_late: bool = False


def _know_no_label(_number: str) -> Course | None:
    return None


class Knowledge(NamedTuple):
    """What is known of a federation.

    Attributes:
        size: of the coordinator's log, up to which memberships are known.
        log: returns a log by its origin; None where it is not held.
        course: returns a label's way through the logs by its number; None where none has it.
    """

    size: int
    log: Callable[[str], KnownLog | None]
    course: Callable[[str], Course | None] = _know_no_label

    def later(
        self, number: str, origin: str, *, told: int, has_all: bool, day: int
    ) -> Later | None:
        """Return what is known of a label beyond a file; None where that is nothing (CERT-18).

        Args:
            number: of the label.
            origin: of the last log in the file.
            told: how many decisions the file holds.
            has_all: whether it holds those of the logs before, too.
            day: asked about.
        """
        course = self.course(number)
        origins = [stage.origin for stage in course.stages] if course is not None else []
        if course is None or origin not in origins:
            return None
        at = origins.index(origin)
        stages = course.stages[0 if has_all else at :]
        # What a file holds are the first of them, in this order (CERT-4).
        new = [one for stage in stages for one in stage.label.decisions][told:]
        if not new:
            return None
        stage, last = course.at(day), course.competent
        status, standing = status_at(stage.label.decisions, day)
        known = self.log(last.origin)
        return Later(
            stage.site,
            UNDETERMINED if stage.undetermined else status.word,
            _date(standing.until) if standing else None,
            _date(standing.suspended_until) if standing else None,
            [(one.action.value, _date(one.effective)) for one in new],
            last.origin,
            new[-1].index,
            known.time if known is not None else 0,
            _date(course.recorded_by(day)),
            course.is_recorded_late(day),
        )

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


def _date(day: int) -> str | None:
    return format_day(day) if day else None


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
