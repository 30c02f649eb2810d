"""What a certificate file is worth on a day: one word, as of when, and why (SPEC section CERT).

A file that proves everything its site had decided says how the label stood *as of* a moment: that
of the newest cosignature of a trusted witness, or, where there is none, the one the site claims. A
site that has gone claims nothing any more: then it is the coordinator's record of that.
A verdict never becomes better with age: a maximum age makes what was valid stale.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sopro_protocol.errors import FormatError, VerificationError
from sopro_protocol.keys import VerifierKey
from sopro_protocol.policy import Policy, check_quorum
from sopro_registry.certificate import DayAsked, OpenedCertificate, open_with_head
from sopro_registry.knowledge import Knowledge, Later
from sopro_registry.queries import UNDETERMINED

_TOLERANCE: Final = 24 * 3_600_000
"""By how much a clock may be behind before a time is one that has not come yet."""
MAX_AHEAD: Final = 300
"""So many seconds may a cosignature be ahead of the reader's clock (SPEC WIT-14)."""


class Verdict(StrEnum):
    """What a certificate is worth."""

    VALID = "valid"
    STALE = "stale"
    UNPROVEN = "unproven"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    TRANSFERRED = "transferred"
    REFUSED = "refused"
    NONE = "none"
    UNDETERMINED = "undetermined"
    MALFORMED = "malformed"
    FORGED = "forged"


EXIT: Final[Mapping[Verdict, int]] = MappingProxyType(
    {
        Verdict.VALID: 0,
        Verdict.STALE: 3,
        Verdict.UNPROVEN: 4,
        Verdict.SUSPENDED: 10,
        Verdict.REVOKED: 11,
        Verdict.TERMINATED: 12,
        Verdict.EXPIRED: 13,
        Verdict.TRANSFERRED: 14,
        Verdict.REFUSED: 15,
        Verdict.NONE: 16,
        Verdict.UNDETERMINED: 17,
        Verdict.MALFORMED: 65,
        Verdict.FORGED: 76,
    }
)
"""By which code a program ends that judged a certificate."""


class Judged(Struct, frozen=True):
    """A verdict and what it rests on.

    Attributes:
        verdict: in one word.
        as_of: to which moment it holds (ms UTC); 0 where nothing could be opened.
        is_witnessed: whether a trusted witness vouches for that moment, not the site alone.
        is_recorded: whether the coordinator's record that the site has gone does.
        code: why a file is malformed, forged, or without the quorum or the end it needs.
        why: the same for people.
        opened: what the file proves, where it could be opened.
        later: what is known of the label beyond that, which the verdict goes by; None for nothing.
        day: asked about; where today was and nothing could be opened, that of UTC.
    """

    verdict: Verdict
    as_of: int = 0
    is_witnessed: bool = False
    is_recorded: bool = False
    code: str = ""
    why: str = ""
    opened: OpenedCertificate | None = None
    later: Later | None = None
    day: int = 0

    @property
    def newest(self) -> OpenedCertificate | Later | None:
        """What says how the label stands: the file, or what is known beyond it."""
        return self.later or self.opened


def judge_certificate(  # noqa: PLR0913  # what is trusted, and when
    data: bytes,
    *,
    coordinator: str,
    coordinator_root: bytes,
    day: DayAsked,
    now: int,
    max_age: int | None = None,
    witnesses: Sequence[VerifierKey] = (),
    policy: Policy | None = None,
    knowledge: Knowledge | None = None,
) -> Judged:
    """Judge a certificate file; whatever it holds, there is a verdict (SPEC CERT-10).

    Args:
        data: the file.
        coordinator: origin of the coordinator's log, from the invite.
        coordinator_root: its root key, from the invite.
        day: asked about, or what says which day it is where the label's site is.
        now: the time, in ms UTC.
        max_age: in ms, beyond which what it says is stale.
        witnesses: whose cosignatures are trusted to say when a checkpoint was seen.
        policy: of the federation's witnesses, whose quorum the checkpoint has to carry.
        knowledge: of the federation, besides the file; what it says of the label beyond the file
            holds.
    """
    try:
        opened, head, asked = open_with_head(
            data,
            coordinator=coordinator,
            coordinator_root=coordinator_root,
            day=day,
            witnesses=witnesses,
            knowledge=knowledge,
        )
    except FormatError as error:
        return Judged(Verdict.MALFORMED, code=error.code, why=str(error), day=_unopened(day))
    except VerificationError as error:
        return Judged(Verdict.FORGED, code=error.code, why=str(error), day=_unopened(day))
    seen, lacking = opened.cosigned_at, None
    if policy is not None:
        try:
            quorum = check_quorum(head.parsed, policy, latest=now // 1000 + MAX_AHEAD)
            seen = quorum.median * 1000 if quorum.median is not None else seen
        except VerificationError as error:
            lacking = error
    is_recorded = seen is None and bool(opened.covers_end)
    as_of = opened.claimed_at if seen is None else seen
    if is_recorded and opened.ended_at is not None:
        as_of = opened.ended_at
    lacking = lacking or _check_gone(opened, seen)
    is_stale = max_age is not None and not -_TOLERANCE <= now - as_of <= max_age
    verdict = _verdict(opened, is_stale=is_stale)
    judged = Judged(verdict, as_of, seen is not None, is_recorded, opened=opened, day=asked)
    later = _look_further(opened, knowledge, asked)
    if later is not None and knowledge is not None:
        is_stale = max_age is not None and not -_TOLERANCE <= now - later.as_of <= max_age
        by_later = _judge_later(opened, later, knowledge, policy, is_stale=is_stale)
        return replace(by_later, day=asked)
    if lacking is None or verdict not in (Verdict.VALID, Verdict.STALE):
        return judged
    return replace(judged, verdict=Verdict.UNPROVEN, code=lacking.code, why=str(lacking))


def _unopened(day: DayAsked) -> int:
    """Return the day asked about, of a file that shows no zone."""
    return day if isinstance(day, int) else day("UTC")


def _look_further(opened: OpenedCertificate, knowledge: Knowledge | None, day: int) -> Later | None:
    if knowledge is None:
        return None
    return knowledge.later(
        opened.number,
        opened.origin,
        told=len(opened.decided),
        has_all=not opened.unproven_from,
        day=day,
    )


def _judge_later(
    opened: OpenedCertificate,
    later: Later,
    knowledge: Knowledge,
    policy: Policy | None,
    *,
    is_stale: bool,
) -> Judged:
    """Judge by what is known beyond a file, which is genuine (SPEC CERT-18)."""
    judged = Judged(_word(later.status), later.as_of, opened=opened, later=later)
    if judged.verdict is not Verdict.VALID:
        return judged
    known = knowledge.log(later.origin)
    where = f"{later.origin}: the decision at {later.index}, which is later than the file,"
    has_quorum = policy is not None and policy.quorum is not None
    if has_quorum and (known is None or known.witnessed <= later.index):
        why = f"{where} is under no head here that its witnesses have cosigned; ask again later"
        return replace(judged, verdict=Verdict.UNPROVEN, code="ckp.quorum", why=why)
    if known is not None and known.gone is not None and not known.covers_end():
        why = f"{where} need not be the last before that log ended, which is not held to its end"
        return replace(judged, verdict=Verdict.UNPROVEN, code="cert.gone", why=why)
    return replace(judged, verdict=Verdict.STALE) if is_stale else judged


def _word(status: str) -> Verdict:
    if status == UNDETERMINED:
        return Verdict.UNDETERMINED
    return Verdict.VALID if status == "active" else Verdict(status)


def _check_gone(opened: OpenedCertificate, seen: int | None) -> VerificationError | None:
    """Say what lacks where a site has gone: its own word does not count (SPEC CERT-15)."""
    if opened.ended_at is None or opened.covers_end or (opened.covers_end is False and seen):
        return None
    return VerificationError(
        f"certificate: {opened.site} takes no part any more with {opened.origin}, and this file "
        "does not show how the label stood at the end of that log; ask a member's node for a newer "
        "file",
        code="cert.gone",
    )


def _verdict(opened: OpenedCertificate, *, is_stale: bool) -> Verdict:
    word = _word(opened.status)
    if word is not Verdict.VALID:
        return word
    if not opened.is_present:
        return Verdict.UNPROVEN
    return Verdict.STALE if is_stale else Verdict.VALID
