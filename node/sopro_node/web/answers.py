"""Answers of the API that are more than one thing the desk says."""

from msgspec import Struct

from sopro_node.desk import OrganisationAnswer
from sopro_registry.codelists import Finding
from sopro_registry.queries import Basis, LabelAnswer


class LabelPage(Struct, frozen=True):
    """Labels by number.

    Attributes:
        labels: as they stand on the day.
        next: for `after`; null behind the last.
        computed_from: every log prefix that was searched.
    """

    labels: list[LabelAnswer]
    next: str | None
    computed_from: list[Basis]


class FindingList(Struct, frozen=True):
    """What is odd about a label.

    Attributes:
        findings: none where nothing is.
        computed_from: every log prefix that was searched; another label may be in any.
    """

    findings: list[Finding]
    computed_from: list[Basis]


class OrganisationList(Struct, frozen=True):
    """Organisations of a site by entity.

    Attributes:
        organisations: as far as they are known here.
        next: for `after`; null behind the last.
        computed_from: the log prefix that was searched.
    """

    organisations: list[OrganisationAnswer]
    next: str | None
    computed_from: list[Basis]


class VoidEntry(Struct, frozen=True):
    """An entry that counts for nothing.

    Attributes:
        index: its position.
        code: why; the same on every node.
        message: the same for a person.
    """

    index: int
    code: str
    message: str


class VoidPage(Struct, frozen=True):
    """Void entries of a log.

    Attributes:
        voids: in order.
        computed_from: the log prefix the answer rests on.
    """

    voids: list[VoidEntry]
    computed_from: Basis
