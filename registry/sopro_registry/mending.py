"""An end of validity that was written down wrong, and is corrected (SPEC LBL-26)."""

from typing import Final

from sopro_protocol.errors import RefusedError
from sopro_registry.family import View
from sopro_registry.fields import add_months, format_day
from sopro_registry.label import Action, Decision, Label

_GIVING: Final = (Action.GRANT, Action.RENEW, Action.TRANSFER_IN)


def check_mended(
    corrects: int, until: int, label: Label, view: View, *, expired_on: int = 0
) -> None:
    """Hold another end of validity to what the decision that set one could have stated.

    Args:
        corrects: position of that decision.
        until: the end that is stated now, as a day.
        label: as it was before.
        view: of the log.
        expired_on: the day from which the correction holds, where the label is expired on it.

    Raises:
        RefusedError: `lbl.reference` where it is not the last that set one, `lbl.criteria` without
            its scheme, `lbl.dates` for an end that it could not have had, `lbl.transition` for a
            label that expired longer ago than its scheme grants grace.
    """
    given = _last_giving(label)
    if given is None or given.index != corrects:
        last = (
            "there is none here" if given is None else f"the last that did is entry {given.index}"
        )
        raise RefusedError(
            f"decision: entry {corrects} is not the one that says how long the label is valid; "
            f"{last}",
            code="lbl.reference",
        )
    scheme = view.scheme(label.scheme)
    if scheme is None:
        raise RefusedError(f"decision: no scheme {label.scheme!r}", code="lbl.criteria")
    latest = add_months(given.effective, scheme.max_validity_months) if given.effective else until
    if not given.effective <= until <= latest:
        raise RefusedError(
            f"decision: valid_until {format_day(until)}, expected a day from "
            f"{format_day(given.effective)} to {format_day(latest)}, as entry {corrects} could "
            "have stated (I5)",
            code="lbl.dates",
        )
    if expired_on > label.decisions[-1].until + scheme.grace_days:
        raise RefusedError(
            f"decision: expired more than {scheme.grace_days} days ago; correcting its end would "
            "bring it back, and that is a new application with a new number (I5)",
            code="lbl.transition",
        )


def _last_giving(label: Label) -> Decision | None:
    """Return the last decision in this log that set an end of validity, or none."""
    for decision in reversed(label.decisions):
        is_taken = label.taken is not None and decision is label.decisions[0]
        if decision.action in _GIVING and not is_taken:
            return decision
    return None
