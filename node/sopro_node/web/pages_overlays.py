"""What lies over a label's status, in words for its page, and what it holds for."""

from collections.abc import Mapping
from typing import Final

from sopro_node.web.i18n import mark

OVERLAYS: Final[Mapping[str, str]] = {
    "surveillance_overdue": mark(
        "Surveillance is overdue: no independent evaluation is recorded within the time that the "
        "scheme allows."
    ),
    "suspension_overdue": mark(
        "The suspension has lasted longer than it was meant to, and nothing has been decided since."
    ),
    "criteria_outdated": mark(
        "This label was last given by a version of the criteria that may no longer be used."
    ),
    "under_appeal": mark("An appeal against a decision on this label has not been decided yet."),
    "orphaned": mark(
        "The site that decided on this label is gone, and nobody has taken the label over in time."
    ),
}
