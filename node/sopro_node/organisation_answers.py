"""What is answered about one organisation."""

import msgspec

from sopro_node.desk import OrganisationAnswer
from sopro_registry.queries import Basis, Standing


class OfferingAnswer(msgspec.Struct, frozen=True):
    """Something that an organisation offers.

    Attributes:
        entity: within the site's log, hex.
        name: by language; empty where its document is not here.
        kind: product, service, ...
        status: whether it is offered.
        labels: on it, as they stand on the day.
    """

    entity: str
    name: dict[str, str]
    kind: str
    status: str
    labels: list[Standing]


class RelatedAnswer(msgspec.Struct, frozen=True):
    """Another organisation that this one is related to, as a site states it.

    Attributes:
        site: that registered it.
        entity: there, hex.
        name: empty where its document is not here.
        kind: what the first of the two is to the other.
        is_first: whether this other organisation is the first of the two.
        since: civil date.
        is_confirmed: whether both sites say so.
    """

    site: str
    entity: str
    name: str
    kind: str
    is_first: bool
    since: str
    is_confirmed: bool


class EventAnswer(msgspec.Struct, frozen=True):
    """Something that happened to a label of an organisation, or of one it hangs together with.

    Attributes:
        day: civil date from which it holds; null where it is not known.
        site: whose decision it is.
        number: of the label.
        action: what was decided.
        status: what followed.
        imported: whether it was taken from an existing register.
        organisation: entity of the holder, hex.
    """

    day: str | None
    site: str
    number: str
    action: str
    status: str
    imported: bool
    organisation: str


class HistoryAnswer(msgspec.Struct, frozen=True):
    """An organisation across sites.

    Attributes:
        at: the civil date that states hold for.
        organisation: as its site has it.
        codes: its activities and its region, each with its sort before it.
        offerings: what it offers.
        related: organisations that are stated to be related to it, at any site; what those are to
            further ones stands with them.
        history: decisions on its labels and on theirs, oldest first.
        more: whether there is more of any of this than is named; `labels` beside this goes through
            all that one organisation has, page by page.
        computed_from: the log prefixes the answer rests on.
    """

    at: str
    organisation: OrganisationAnswer
    codes: list[str]
    offerings: list[OfferingAnswer]
    related: list[RelatedAnswer]
    history: list[EventAnswer]
    more: bool
    computed_from: list[Basis]


class LabelledPage(msgspec.Struct, frozen=True):
    """One page of what an organisation offers, the labels on it, and what was decided on them.

    Attributes:
        at: the civil date that states hold for.
        offerings: in a fixed order; one with more labels than fit goes on on the next page.
        history: decisions on the labels of this page, oldest first.
        next: for `after`; null at the end.
        computed_from: the log prefixes the answer rests on.
    """

    at: str
    offerings: list[OfferingAnswer]
    history: list[EventAnswer]
    next: str | None
    computed_from: list[Basis]
