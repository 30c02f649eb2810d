"""label_decision/1: granting a label and everything that happens to it (SPEC LBL)."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final, TypeAlias

from msgspec import UNSET, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_protocol.keys import Role
from sopro_registry.application import Application, asking_name
from sopro_registry.correcting import (
    Correction,
    check_refused,
    count_again,
    read_correction,
    say_again,
)
from sopro_registry.decision_dates import (
    Dates,
    check_begin,
    check_dates,
    standing_until,
    suspended_until,
)
from sopro_registry.decision_fields import NEEDS, TAKEOVER, Body, ReasonCode, check_fields
from sopro_registry.duties import Judging, check_closed, check_decider, subjects_of
from sopro_registry.family import Change, Decided, Fact, Family, LabelIndex, Place, View
from sopro_registry.fields import (
    add_months,
    earliest_day,
    epoch_of,
    latest_day,
    recorded_day,
    year_of,
)
from sopro_registry.label import (
    ANSWERING,
    STANDS_AGAIN,
    Action,
    Basis,
    Decision,
    Label,
    Reason,
    Status,
    Takeover,
    possible_actions,
    status_at,
)
from sopro_registry.mending import check_mended
from sopro_registry.precondition import RESTING, Resting, check_assessment, check_there
from sopro_registry.scope import check_corrected, read_scope
from sopro_registry.transfer import find_earlier, hand_label, take_label, takeover_name

State: TypeAlias = Label

_KEEPS_STANDING: Final = frozenset({Action.RENEW, Action.CORRECT})


def apply(fact: Fact[Body], state: Label | None, view: View) -> Change[Label]:
    """Add a decision to a label's life.

    Raises:
        RefusedError: `lbl.transition` where the table has no such step, `lbl.precondition` for a
            field the action needs or forbids, `lbl.competence` for another site's number,
            `lbl.reference` for an offering that is not there, `lbl.scope` for what extends or
            reduces nothing, `lbl.criteria` for a scheme that is not in force, `lbl.dates` for dates
            in the wrong order, `lbl.imported` for what comes from an existing register after that
            was closed, `ass.subject`, `ass.outcome` or `ass.duties` for an assessment it cannot
            rest on.
    """
    body = fact.body
    imported = body.basis is Basis.IMPORTED
    dates = Dates(body)
    takes_over = body.takes is not UNSET
    needs = TAKEOVER if takes_over else NEEDS[body.action]
    check_fields(body, needs, imported=imported, is_numbered=state is None or bool(state.number))
    effective = dates.effective or (state.decisions[-1].effective if state else 0)
    before, last = status_at(state.decisions, effective) if state else (Status.NONE, None)
    if imported and state:
        # An existing register counts in its own order, whatever its dates say.
        last = state.decisions[-1]
        before = status_at([last], max(effective, last.effective))[0]
    after = (needs.imported_steps if imported else needs.steps)[before]
    if after is None:
        raise _impossible(before, body.action, imported=imported)
    if before is Status.EXPIRED and last and body.action in _KEEPS_STANDING:
        after = last.status
    if takes_over and body.standing == "suspended":
        after = STANDS_AGAIN[before, body.action]
    if not imported:
        sets_validity = needs.validity and not takes_over
        check_dates(
            dates,
            body.action,
            state.decisions[-1] if state else None,
            recorded=latest_day(fact.record.time),
            has_validity=sets_validity,
        )
        if sets_validity:
            check_begin(dates, body.action, last)
            _check_scheme(body, dates, state, view, late=before is Status.EXPIRED)
    if state is None:
        takes = None if isinstance(body.takes, UnsetType) else body.takes
        taken = take_label(takes, fact.record.entity, view) if takes else None
        label = _begin(body, taken, view)
    else:
        _check_following(body, state)
        label = state
    if not imported and body.action in RESTING and not takes_over:
        check_there(label.offering, effective, body.action, view)
    scope = read_scope(
        body.scope, body.action, label, index=fact.index, corrects=body.corrects, is_free=imported
    )
    expired_on = effective if before is Status.EXPIRED else 0
    correction = _read_correction(body, dates, label, view, expired_on=expired_on)
    if imported:
        _check_imported(label, view)
    decides = _check_assessment(body, dates, fact, label, view)
    receiver = _text(body.receiver)
    handed = hand_label(receiver, _bytes(body.receiver_entity), view) if receiver else None
    until = dates.valid_until
    if not until and not needs.validity and last is not None:
        until = standing_until(body.action, last, effective)
    decision = Decision(
        fact.index, needs.code, effective, after, until, dates.decided, imported,
        b"" if body.source is UNSET else body.source[:8], not dates.effective,
        suspended_until(body.action, dates, after, last), recorded_day(fact.record.time),
    )  # fmt: skip
    reason, reasons = _read_reasons(body, correction, label, index=fact.index)
    was = label
    label = Label(
        fact.entry_id,
        label.number,
        label.offering,
        label.scheme,
        _status_index(body, label, view),
        [*label.decisions, decision],
        earliest_day(fact.record.time),
        handed,
        label.taken,
        [*label.people, (fact.index, _bytes(body.decider), _bytes(body.review))]
        if not imported
        else label.people,
        [*label.scopes, scope] if scope else label.scopes,
        [*label.answers, (fact.index, body.reason_code)]
        if body.reason_code in ANSWERING
        else label.answers,
        reasons,
        label.earlier,
    )
    year = year_of(dates.effective) if dates.effective else 0
    return Change(
        label,
        # A label that is taken over is found and counted under the site that granted it.
        names=(takeover_name(label.number, fact.index), asking_name(label.offering))
        if takes_over
        else (),
        left=label.number if handed else "",
        label=None if label.taken else _index(label),
        is_grant=body.action is Action.GRANT or takes_over,
        counted=(needs.word, year),
        decided=Decided(needs.word, reason, year, _days(dates.decided, decides, view)),
        recounted=count_again(correction, was, label, view) if correction else None,
        status_index=label.status_index,
        decides=decides,
    )


def _begin(body: Body, taken: Takeover | None, view: View) -> Label:
    """Return a label without a decision: what it is, and what it was here before it left."""
    number = _text(body.certificate)
    earlier = find_earlier(number, view) if taken else []
    _check_first(body, view, takes_over=taken is not None)
    return Label(
        b"", number, _bytes(body.offering), _text(body.scheme), -1, [],
        taken=taken, earlier=earlier,
    )  # fmt: skip


def _check_imported(label: Label, view: View) -> None:
    """Hold what an existing register says to before the site's own time (SPEC ASS-19)."""
    if view.is_import_closed:
        raise RefusedError(
            "decision: this site has closed the import of its existing register",
            code="lbl.imported",
        )
    own = [one.index for one in label.decisions if not one.imported]
    if own:
        raise RefusedError(
            f"decision: this site has decided on the label itself, in entry {own[0]}; what an "
            "existing register says comes before that (I5)",
            code="lbl.imported",
        )


def _read_correction(
    body: Body, dates: Dates, label: Label, view: View, *, expired_on: int
) -> Correction | None:
    """Hold a decision to what it corrects, and return what it says of that again."""
    check_corrected(body.corrects, body.action, label)
    if body.action is not Action.CORRECT:
        return None
    if dates.valid_until:
        check_mended(body.corrects or 0, dates.valid_until, label, view, expired_on=expired_on)
    correction = read_correction(body.corrects, _text(body.reason_code), dates.refused, label)
    if correction is not None and correction.refused:
        check_refused(correction, label, view, decided=dates.decided)
    return correction


def _read_reasons(
    body: Body, correction: Correction | None, label: Label, *, index: int
) -> tuple[str, list[Reason]]:
    """Return the reason that a decision counts with, and those of the label from here on."""
    reason = _text(body.reason_code)
    if correction is not None and correction.reason is not None:
        return "", say_again(correction, label.reasons)
    reasons = say_again(correction, label.reasons) if correction is not None else label.reasons
    return reason, [*reasons, Reason(index, reason)] if reason else reasons


def _days(decided: int, application: bytes, view: View) -> int:
    """Return the days from an application to the decision on it; -1 where it decides none."""
    held = view.state("label_application", application) if application else None
    return decided - held.submitted if isinstance(held, Application) else -1


def _check_assessment(
    body: Body, dates: Dates, fact: Fact[Body], label: Label, view: View
) -> bytes:
    """Hold a decision to the assessment it rests on, and return the application it decides."""
    application, review = _bytes(body.application), _bytes(body.review)
    if body.basis is Basis.IMPORTED or body.action not in RESTING or body.takes is not UNSET:
        if application or review:
            raise RefusedError(
                f"decision: {body.action.value} rests on no application", code="lbl.precondition"
            )
        if body.basis is not Basis.IMPORTED and label.decisions:
            subjects = subjects_of(fact.record.entity, label, view)
            check_decider(
                Judging(
                    body.action,
                    _text(body.reason_code),
                    _bytes(body.decider),
                    dates.decided,
                    label.offering,
                    subjects,
                ),
                view,
            )
            if body.action is Action.REINSTATE:
                check_closed(fact.record.entity, label, view)
        return b""
    if not (application or review) and view.criteria(label.scheme) is None:
        return b""
    check_assessment(
        Resting(
            body.action,
            fact.record.entity if label.decisions else b"",
            label.earlier,
            subjects_of(fact.record.entity, label, view) if label.decisions else (),
            label.offering,
            label.scheme,
            _bytes(body.decider),
            dates.decided,
            dates.effective,
        ),
        application,
        review,
        view,
    )
    return application


def _text(text: str | UnsetType) -> str:
    return "" if text is UNSET else text


def _bytes(data: bytes | UnsetType) -> bytes:
    return b"" if data is UNSET else data


def _impossible(before: Status, action: Action, *, imported: bool) -> RefusedError:
    possible = ", ".join(possible_actions(before, imported=imported)) or "nothing"
    return RefusedError(
        f"decision: cannot {action.value} a label that is {before.word}; possible: {possible} (I5)",
        code="lbl.transition",
    )


def _check_scheme(body: Body, dates: Dates, state: Label | None, view: View, *, late: bool) -> None:
    """Hold the scheme's periods: its longest validity and its days of grace."""
    name = state.scheme if state else _text(body.scheme)
    scheme = view.scheme(name)
    if scheme is None or scheme.status == "proposed":
        raise RefusedError(f"decision: scheme {name!r} is not in force", code="lbl.criteria")
    if body.action is Action.GRANT and scheme.status != "active":
        raise RefusedError(f"decision: scheme {name!r} takes no new labels", code="lbl.criteria")
    if dates.valid_until > add_months(dates.valid_from, scheme.max_validity_months):
        raise RefusedError(
            f"decision: valid for more than {scheme.max_validity_months} months (I5)",
            code="lbl.dates",
        )
    if late and state and dates.effective > state.decisions[-1].until + scheme.grace_days:
        raise RefusedError(
            f"decision: expired more than {scheme.grace_days} days ago; "
            "coming back is a new application with a new number (I5)",
            code="lbl.transition",
        )


def is_number_of(number: str, epoch: int) -> bool:
    """Say whether a log of an epoch may give a number (SPEC EPOCH-6).

    What an earlier log of the site has given and lost is not known to anybody who judges.
    """
    last = number.rpartition("/")[2]
    is_later = len(last) == 9
    return is_later == (epoch > 1) and (not is_later or int(last[:4]) == epoch)


def _check_first(body: Body, view: View, *, takes_over: bool) -> None:
    number = _text(body.certificate)
    membership = view.membership()
    if number and not takes_over:
        if membership is None or number.split("/")[1] != membership.prefix:
            raise RefusedError(
                f"decision: {number} does not bear this site's prefix; only the site that granted "
                "a label decides on it (I1, I7)",
                code="lbl.competence",
            )
        if not is_number_of(number, epoch_of(view.origin)):
            raise RefusedError(
                f"decision: {number} is no number of this epoch", code="lbl.competence"
            )
        if view.exists_named("label_decision", number):
            raise RefusedError(f"decision: number {number} is taken (I7)", code="lbl.competence")
    if not view.exists("offering", _bytes(body.offering)):
        raise RefusedError(
            f"decision: no offering {_bytes(body.offering).hex()} in this log",
            code="lbl.reference",
        )
    if view.scheme(_text(body.scheme)) is None:
        raise RefusedError(f"decision: no scheme {body.scheme!r}", code="lbl.criteria")


def _check_following(body: Body, label: Label) -> None:
    if _text(body.certificate) != label.number:
        raise RefusedError(
            f"decision: this label's number is {label.number or 'none'} (I7)", code="lbl.reference"
        )
    if body.offering is not UNSET and body.offering != label.offering:
        raise RefusedError("decision: a label stays with its offering", code="lbl.reference")
    if body.scheme is not UNSET and body.scheme != label.scheme:
        raise RefusedError("decision: a label stays with its scheme", code="lbl.reference")


def _status_index(body: Body, label: Label, view: View) -> int:
    if body.action is not Action.GRANT and body.takes is UNSET:
        return label.status_index
    if body.status_index != view.grants:
        raise RefusedError(
            f"decision: status index {body.status_index}, expected {view.grants}",
            code="lbl.precondition",
        )
    return view.grants


_EFFECTIVE: Final = attrgetter("effective")


def _index(label: Label) -> LabelIndex | None:
    if not label.number:
        return None
    decisions = label.decisions
    last = decisions[-1]
    settled = max(map(_EFFECTIVE, decisions))
    first = decisions[0].effective
    return LabelIndex(
        label.number,
        last.status,
        settled,
        last.until,
        year_of(first) if first else 0,
    )


def complete(values: Mapping[str, Any], state: Label | None, view: View) -> Mapping[str, Any]:
    """Set the status index of a new label, and on a later decision the label's number."""
    completed = dict(values)
    if completed.get("action") == Action.GRANT or "takes" in completed:
        completed["status_index"] = view.grants
    if state and state.number:
        completed.setdefault("certificate", state.number)
    return completed


FAMILY = Family("label_decision", 1, Body, Label, Role.DECISION, Place.MEMBER, apply, complete)

__all__ = ["FAMILY", "Body", "ReasonCode", "State", "apply", "complete", "is_number_of"]
