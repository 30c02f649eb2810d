"""Certificates verified: what a file proves, from the coordinator's origin and root key alone.

The decisions are a chain: each names the one before, so none can be left out but the last ones.
What follows from them says the same rule that nodes project with; only what other records would
have to say is taken as said: that the offering exists and the scheme allowed it.

The last ones cannot be left out either where the file has the site's status: the log_state that
ends the log under the signed head has the root of the status tree, and the label's leaf there
names its last decision. Then the file proves how the label stood when that head was signed. What
was decided since, only a newer file or a node can tell.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from msgspec import UNSET, Struct

from sopro_protocol.checkpoint import SignedCheckpoint
from sopro_protocol.cosignature import verify_cosignature
from sopro_protocol.encoding import Value
from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import Role, VerifierKey
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.status import check_status
from sopro_registry.catalogue import READERS
from sopro_registry.certificate_file import (
    MAX_CERTIFICATE,
    MAX_DECISIONS,
    Certificate,
    Disclosed,
    Proven,
    StatusPath,
    format_certificate,
    parse_certificate,
)
from sopro_registry.certificate_log import CertificateLog, Placed
from sopro_registry.certificate_texts import read_documents, say_holder, say_names
from sopro_registry.families import (
    label_decision,
    log_state,
    site_keys,
    site_membership,
)
from sopro_registry.family import Fact
from sopro_registry.fields import End, epoch_of, format_day
from sopro_registry.knowledge import Gone, Knowledge, check_end, read_gone
from sopro_registry.label import Label, status_at
from sopro_registry.queries import UNDETERMINED
from sopro_registry.status import format_leaf
from sopro_registry.transfer import Course, Mismatch, Stage, compare
from sopro_registry.unseen import Unseen

MAX_DEPTH: Final = 8
"""How many files may stand inside one another, one for each site that has had the label."""

__all__ = [
    "MAX_CERTIFICATE",
    "MAX_DECISIONS",
    "Certificate",
    "Disclosed",
    "OpenedCertificate",
    "Proven",
    "StatusPath",
    "format_certificate",
    "open_certificate",
    "parse_certificate",
]


DayAsked = int | Callable[[str], int]
"""A civil date, or what says which day it is in a time zone: that of the membership in the file."""


class OpenedCertificate(Struct, frozen=True):
    """What a certificate proves.

    Attributes:
        number: of the label.
        site: code of the site that decided.
        status: after the last decision it holds, on the day asked about.
        valid_until: last civil date of validity.
        decided: actions with their dates, oldest first.
        origin: of the site's log.
        size: of the signed checkpoint; later decisions are not in the file.
        root: of the log at that size, hex.
        checkpoint: the signed note itself, with the cosignatures the file has.
        is_present: whether it proves that nothing else was decided on the label by then.
        claimed_at: when that was (ms UTC), as the site claims.
        cosigned_at: when a trusted witness last saw that checkpoint (ms UTC).
        suspended_until: last civil date of a suspension on that day, where one is stated.
        holder: name of the organisation; empty where it is not disclosed.
        named: the offering, by language; empty where it is not disclosed.
        sites: every site that has decided on it, the one that granted it first.
        handed_to: code of the site that it was handed over to; the file knows no more.
        unproven_from: code of the site that it is said to come from, which the file does not
            prove; empty where it proves it.
        ended_at: when the coordinator has recorded that the site takes no part any more with that
            log (ms UTC); None where it has not.
        covers_end: whether the signed checkpoint reaches the end that this record states; None
            where it states none.
        on_record_since: since when all is on record that the status on the day follows from, as
            far as the file shows it; None where nothing holds by then.
        recorded_late: whether that was written down long after it held, and after that day (SPEC
            OVL-11).
    """

    number: str
    site: str
    status: str
    valid_until: str | None
    decided: list[tuple[str, str | None]]
    origin: str
    size: int
    root: str
    checkpoint: str
    is_present: bool
    claimed_at: int
    cosigned_at: int | None
    suspended_until: str | None
    holder: str
    named: dict[str, str]
    sites: list[str] = []
    handed_to: str = ""
    unproven_from: str = ""
    ended_at: int | None = None
    covers_end: bool | None = None
    on_record_since: str | None = None
    recorded_late: bool = False


def open_certificate(
    data: bytes,
    *,
    coordinator: str,
    coordinator_root: bytes,
    day: int,
    witnesses: Sequence[VerifierKey] = (),
    knowledge: Knowledge | None = None,
) -> OpenedCertificate:
    """Verify a certificate file offline (SPEC CERT-2 to CERT-9, CERT-16).

    Args:
        data: the file.
        coordinator: origin of the coordinator's log, from the invite.
        coordinator_root: its root key, from the invite.
        day: asked about.
        witnesses: whose cosignatures are trusted to say when a checkpoint was seen.
        knowledge: of the federation; without it the file alone says who is a member.

    Raises:
        FormatError: it is not a certificate.
        VerificationError: a signature or a proof in it fails; the code says which.
    """
    opened, _, _ = open_with_head(
        data,
        coordinator=coordinator,
        coordinator_root=coordinator_root,
        day=day,
        witnesses=witnesses,
        knowledge=knowledge,
    )
    return opened


def open_with_head(
    data: bytes,
    *,
    coordinator: str,
    coordinator_root: bytes,
    day: DayAsked,
    witnesses: Sequence[VerifierKey] = (),
    knowledge: Knowledge | None = None,
) -> tuple[OpenedCertificate, SignedCheckpoint, int]:
    """Verify as `open_certificate` does; return also the head under which all is proven, the day.

    Raises:
        FormatError: as `open_certificate`.
        VerificationError: as `open_certificate`.
    """
    trust = _Trust(coordinator, coordinator_root, tuple(witnesses), knowledge)
    course = _open_course(data, trust, depth=1)
    asked = day if isinstance(day, int) else day(course[-1].member.zone)
    return _answer(course, asked), course[-1].head, asked


class _Trust(NamedTuple):
    """What every part of a file is verified from."""

    coordinator: str
    coordinator_root: bytes
    witnesses: tuple[VerifierKey, ...]
    knowledge: Knowledge | None


class _Opened(NamedTuple):
    """A label in one log, as a file proves it.

    Attributes:
        number: of the label.
        stage: what follows from its decisions there.
        member: the membership of that log's site.
        head: under which it is proven.
        is_present: nothing else was decided on it under that head.
        claimed_at: when that was (ms UTC), as the site claims.
        cosigned_at: when a trusted witness last saw that head (ms UTC).
        texts: fields of the documents that are disclosed, by family.
        beginning: entry 0 of that log.
        gone: that the site takes no part any more with that log; None while it does.
    """

    number: str
    stage: Stage
    member: site_membership.Body
    head: SignedCheckpoint
    is_present: bool
    claimed_at: int
    cosigned_at: int | None
    texts: Mapping[str, dict[str, Value]]
    beginning: bytes
    gone: Gone | None


def _open_course(data: bytes, trust: _Trust, *, depth: int) -> list[_Opened]:
    """Verify a file and those it holds of the logs before, from the log that granted it on."""
    if depth > MAX_DEPTH:
        raise FormatError(
            f"certificate: more than {MAX_DEPTH} files inside one another", code="cert.form"
        )
    file = parse_certificate(data)
    opened = _open_file(file, trust)
    if not file.before or not opened.stage.label.decisions:
        return [opened]
    earlier = _open_course(file.before, trust, depth=depth + 1)
    _check_transfer(earlier[-1], opened)
    return [*earlier, opened]


def _open_file(file: Certificate, trust: _Trust) -> _Opened:
    federation = CertificateLog(
        trust.coordinator,
        trust.coordinator_root,
        file.coordinator_keys,
        file.coordinator_key_history,
        is_coordinator=True,
    )
    recorded = federation.open(file.membership, Role.REGISTRAR)
    member = _read_membership(recorded)
    origin = _log_of(file, member)
    site = CertificateLog(origin, member.root, file.keys, file.key_history)
    placed = [_open_decision(site, one, file.number) for one in file.decisions]
    check_end(placed[-1].index, _end_of(member, origin))
    _check_chain(placed)
    label, is_judged = _follow(placed, member, origin)
    state = site.open(file.state, Role.REGISTRAR) if file.state else None
    head = min((one.head for one in placed), key=lambda one: one.size)
    if state is not None:
        body = _check_state(state, placed, site)
        if file.status is not None and is_judged:
            _check_leaf(file.status, body, label)
        head = state.head
    entity = placed[0].read.record.entity
    gone = read_gone(member, origin, time=recorded.read.record.time)
    if trust.knowledge is not None:
        trust.knowledge.check(federation)
        trust.knowledge.check(site)
        trust.knowledge.check_counted(origin, [one.index for one in placed])
        gone = trust.knowledge.gone(origin, recorded=recorded.index, told=gone)
    return _Opened(
        file.number,
        Stage(origin, entity, label, undetermined=not is_judged),
        member,
        head,
        file.status is not None and is_judged,
        (state or placed[-1]).read.record.time,
        _last_seen(head, trust.witnesses),
        # Of a label that this version cannot judge at all it does not know the offering either.
        read_documents(file, site, placed, label) if label.decisions else {},
        file.keys.entry,
        gone,
    )


def _read_end(beginning: bytes) -> End | None:
    """Return the end of the log before, as entry 0 of the one that continues it says."""
    _, body = read_record(parse_entry(beginning).record, READERS)
    end = body.continues if isinstance(body, site_keys.Body) else UNSET
    return end if isinstance(end, End) else None


def _check_transfer(before: _Opened, after: _Opened) -> None:
    """Hold two halves of a transfer to one another (SPEC CERT-13)."""
    mismatch = compare(before.stage, after.stage)
    gone, site = before.member, after.stage.site
    if mismatch is None and before.stage.label.handed is None:
        has_gone = gone.status in ("left", "expelled") and gone.successor == site
        # Or the log was closed, and the site goes on in another.
        is_closed = _end_between(before, after) is not None
        mismatch = None if has_gone or is_closed else Mismatch.RECEIVER
    if mismatch is not None:
        raise VerificationError(
            f"certificate: {site} did not take the label over from {gone.site}: {mismatch.value}",
            code="lbl.reference",
        )
    end = _end_between(before, after)
    last = before.stage.label.decisions[-1].index
    if end is not None and last >= end:
        raise VerificationError(
            f"certificate: {before.stage.origin} was closed at {end}, the decision at {last} came "
            "after",
            code="mem.inactive",
        )


def _end_between(before: _Opened, after: _Opened) -> int | None:
    """Return the size at which a log was closed and its site went on; None where it was not.

    The coordinator's record that closes it says so, or the entry with which the next log begins:
    no membership names that log otherwise (SPEC EPOCH-2).
    """
    closed, later = before.stage.origin, after.stage.origin
    if before.stage.site != after.stage.site or epoch_of(closed) >= epoch_of(later):
        return None
    if before.member.origin != closed:
        return _end_of(before.member, closed)
    continued = _read_end(after.beginning)
    return continued.size if continued is not None and continued.origin == closed else None


def _reaches_end(before: _Opened, after: _Opened) -> bool:
    """Say whether a file proves the last word of a log on a label that has left it (CERT-13).

    Nothing follows on a hand-over. What a site that has gone had decided is known only where
    its log ends.
    """
    end = _end_between(before, after)
    end = _end_of(before.member, before.stage.origin) if end is None else end
    is_covered = end is not None and before.head.size >= end
    return before.stage.label.handed is not None or is_covered


def _answer(course: list[_Opened], day: int) -> OpenedCertificate:
    last = course[-1]
    way = Course(tuple(one.stage for one in course))
    stage, since = way.at(day), way.recorded_by(day)
    status, decision = status_at(stage.label.decisions, day)
    until = decision.suspended_until if decision else 0
    taken, handed = course[0].stage.label.taken, last.stage.label.handed
    return OpenedCertificate(
        number=last.number,
        site=last.member.site,
        status=UNDETERMINED if last.stage.undetermined else status.word,
        valid_until=format_day(decision.until) if decision and decision.until else None,
        decided=[
            (one.action.value, format_day(one.effective) if one.effective else None)
            for opened in course
            for one in opened.stage.label.decisions
        ],
        origin=last.stage.origin,
        size=last.head.size,
        root=last.head.root.hex(),
        checkpoint=last.head.note.decode(),
        # Without the log it was taken over from, nothing says that it was handed over at all.
        is_present=all(one.is_present for one in course)
        and all(_reaches_end(one, later) for one, later in pairwise(course))
        and taken is None,
        claimed_at=last.claimed_at,
        cosigned_at=last.cosigned_at,
        suspended_until=format_day(until) if until else None,
        holder=say_holder(last.texts.get("organisation", {})),
        named=say_names(last.texts.get("offering", {})),
        sites=[site for site, _ in groupby(one.member.site for one in course)],
        handed_to=handed.site if handed else "",
        unproven_from=taken.origin.split("/")[1] if taken else "",
        ended_at=last.gone.time if last.gone else None,
        covers_end=(
            None if last.gone is None or last.gone.end is None else last.head.size >= last.gone.end
        ),
        on_record_since=format_day(since) if since else None,
        recorded_late=way.is_recorded_late(day),
    )


def _read_membership(recorded: Placed) -> site_membership.Body:
    _, body = recorded.read
    if not isinstance(body, site_membership.Body):
        raise VerificationError("certificate: not a membership record", code="mem.untrusted")
    if body.site != body.origin.split("/")[1]:
        raise VerificationError("certificate: membership of another site", code="mem.untrusted")
    return body


def _log_of(file: Certificate, member: site_membership.Body) -> str:
    """Return the log that the file is about: the one before, where its membership closes that."""
    if member.ends is UNSET or member.ends.origin == member.origin:
        return member.origin
    try:
        record, _ = read_record(parse_entry(file.keys.entry).record, READERS)
    except FormatError:
        return member.origin
    return member.ends.origin if record.log == member.ends.origin else member.origin


def _end_of(member: site_membership.Body, origin: str) -> int | None:
    """Return where a membership ends a log; None where it does not."""
    ends = member.ends
    return ends.size if ends is not UNSET and ends.origin == origin else None


def _open_decision(site: CertificateLog, proven: Proven, number: str) -> Placed:
    placed = site.open(proven, Role.DECISION)
    record, body = placed.read
    is_newer = record.family.startswith("label_decision/") and body is None
    if not is_newer and (not isinstance(body, label_decision.Body) or body.certificate != number):
        raise VerificationError(f"certificate: not a decision on {number}", code="lbl.reference")
    return placed


def _check_chain(decisions: Sequence[Placed]) -> None:
    """Hold each decision to the one before, so that none is left out between (SPEC CERT-4)."""
    for before, one in zip((None, *decisions), decisions, strict=False):
        record = one.read.record
        prev = record.prev if isinstance(record.prev, bytes) else None
        if before is None:
            is_next = prev is None
        else:
            is_next = prev == before.entry_id and record.entity == before.read.record.entity
        if not is_next or (before is not None and one.index <= before.index):
            raise VerificationError(
                f"certificate: a decision is missing before that at {one.index}, or they are out "
                "of order",
                code="proof.invalid",
            )


def _follow(
    decisions: Sequence[Placed], member: site_membership.Body, origin: str
) -> tuple[Label, bool]:
    """Return what follows from the decisions, and whether this version can judge them all."""
    label: Label | None = None
    for one in decisions:
        record, body = one.read
        if not isinstance(body, label_decision.Body) or _asks_too_much(record.crit, body):
            return label or Label(b"", "", b"", "", -1, []), False
        stated = body.status_index
        view = Unseen(
            origin,
            one.index,
            grants=stated if isinstance(stated, int) else 0,
            member=member,
        )
        fact = Fact(one.index, one.entry_id, record, body, ())
        try:
            label = label_decision.apply(fact, label, view).state
        except RefusedError as error:
            raise VerificationError(f"certificate: {error}", code=error.code) from None
    assert label is not None, "there is at least one decision"  # noqa: S101  # as parsed
    return label, True


def _asks_too_much(crit: object, body: Struct) -> bool:
    return isinstance(crit, list) and not set(crit) <= set(body.__struct_fields__)


def _check_state(
    state: Placed, decisions: Sequence[Placed], site: CertificateLog
) -> log_state.Body:
    """Hold the log_state to the end of the log under the head that covers all (SPEC CERT-6)."""
    _, body = state.read
    head = state.head
    if not isinstance(body, log_state.Body) or state.index != head.size - 1:
        raise VerificationError(
            f"certificate: the entry at {state.index} is not the log_state that ends a log of size "
            f"{head.size}, so it says nothing of the present",
            code="proof.invalid",
        )
    if any((one.head.size, one.head.root) != (head.size, head.root) for one in decisions):
        raise VerificationError(
            "certificate: decisions and log_state are proven under different heads",
            code="proof.invalid",
        )
    if body.keys != site.keys_record:
        raise VerificationError(
            "certificate: the log_state names a later key record than the file has",
            code="sta.keys",
        )
    return body


def _check_leaf(path: StatusPath, state: log_state.Body, label: Label) -> None:
    """Hold the status tree to what follows from the decisions (SPEC CERT-7)."""
    if state.status_root is UNSET:
        raise VerificationError(
            "certificate: the log_state states no root of the status tree", code="sta.status"
        )
    check_status(
        path.leaf,
        index=path.index,
        size=state.certificates,
        proof=path.hashes,
        root=state.status_root,
    )
    if path.index != label.status_index or path.leaf != format_leaf(label):
        raise VerificationError(
            "certificate: the status tree says otherwise than the decisions in the file; one is "
            "missing, or it is another label's",
            code="sta.status",
        )


def _last_seen(head: SignedCheckpoint, witnesses: Sequence[VerifierKey]) -> int | None:
    """Return when a trusted witness last saw a head, in ms UTC (SPEC CERT-8)."""
    if not witnesses:
        return None
    known = {(key.name, key.note_key_id): key for key in witnesses}
    times = [
        verify_cosignature(head.parsed.text, line, known[line.name, line.key_id]) * 1000
        for line in head.parsed.signatures
        if (line.name, line.key_id) in known
    ]
    return max(times, default=None)
