"""What lies over a label's status and what is odd about it, in words for its page."""

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
    "appeal_upheld": mark(
        "An appeal against a decision on this label was upheld, and the site has not decided anew "
        "yet."
    ),
    "complaint_upheld": mark(
        "A complaint about this label was upheld, and the site has not decided on it yet."
    ),
    "orphaned": mark(
        "The site that decided on this label is gone, and nobody has taken the label over in time."
    ),
    "nonconformity_open": mark(
        "An independent evaluation has found that a criterion is not met in a major way, and none "
        "has found otherwise since."
    ),
    "recorded_late": mark(
        "What this rests on was recorded more than a month after the day from which it is said to "
        "hold. Whoever asked on that day was told something else."
    ),
}
FINDINGS: Final[Mapping[str, str]] = {
    "lbl.duplicate": mark(
        "Another label is active for the same product or service under the same scheme. The sites "
        "that decide on them have to settle which one stays."
    ),
    "cdl.unknown-code": mark("A code of the product or service is not in the list it is from."),
    "cdl.unknown-list": mark(
        "A code of the product or service is from a list nobody has published."
    ),
    "cdl.unread": mark("A code of the product or service cannot be checked here yet."),
    "doc.identifier": mark("The trade item number of the product fails its check digit."),
}
HOLDER_FINDINGS: Final[Mapping[str, str]] = {
    "cdl.unknown-code": mark("A code of this organisation is not in the list it is from."),
    "cdl.unknown-list": mark("A code of this organisation is from a list nobody has published."),
    "cdl.unread": mark("A code of this organisation cannot be checked here yet."),
    "doc.identifier": mark("An identifier of this organisation fails its check."),
}
