"""The fields of a decision, and which of them its action needs or forbids (SPEC LBL-8, LBL-9)."""

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_registry.fields import (
    Bytes16,
    Bytes32,
    CertificateNumber,
    CivilDate,
    Code,
    Count,
    Origin,
    SiteCode,
)
from sopro_registry.label import ACTIONS, IMPORTED_TRANSITIONS, TRANSITIONS, Action, Basis, Status
from sopro_registry.scope import ScopeBody

Reference: TypeAlias = tuple[Origin, Count, Bytes32]

ReasonCode = Literal[
    "nc_not_closed",
    "criteria_change",
    "misuse_of_mark",
    "refused_surveillance",
    "fees_unpaid",
    "false_information",
    "insolvency",
    "holder_request",
    "product_discontinued",
    "complaint_upheld",
    "appeal_upheld",
    "other",
]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One decision on one label.

    Attributes:
        action: what is decided.
        appeal_until: last civil date for an appeal; needed to revoke.
        application: entity of the application that it decides.
        basis: an assessment by this site, or the register the decision was taken from.
        certificate: number, for life; absent only for a refusal and what follows on it.
        corrects: position of the decision on this label that is corrected.
        decided_on: civil date in the site's zone.
        decider: pseudonym of who decided; absent only when imported.
        effective_date: from which civil date it holds; absent only when imported.
        offering: entity of what is labelled, on the first decision.
        reason_code: needed to suspend, reduce, refuse, revoke and terminate.
        receiver: code of the site that a label is handed over to.
        receiver_entity: the entity that the label is to have in the receiver's log.
        refused_on: civil date, in a correction of a refusal: when that was decided and held from.
        rests_on: the records of the assessment.
        review: entity of the review that it rests on.
        scheme: code, on the first decision.
        scope: what the label holds for from here on; absent where that does not change.
        source: digest of the decision's key in the register it was taken from.
        standing: how a label stood that is taken over from another site.
        status_index: number of grants before this one; on a grant, and where it takes over.
        suspended_until: civil date; needed to suspend.
        takes: the last decision on it in the log that it is taken over from.
        valid_from: civil date of a grant or renewal.
        valid_until: last civil date of validity of a grant or renewal, of an imported return, or
            as a correction says that it should have been.
    """

    action: Action
    appeal_until: CivilDate | UnsetType = UNSET
    application: Bytes16 | UnsetType = UNSET
    basis: Basis
    certificate: CertificateNumber | UnsetType = UNSET
    corrects: Count | UnsetType = UNSET
    decided_on: CivilDate | UnsetType = UNSET
    decider: Bytes16 | UnsetType = UNSET
    effective_date: CivilDate | UnsetType = UNSET
    offering: Bytes16 | UnsetType = UNSET
    reason_code: ReasonCode | UnsetType = UNSET
    receiver: SiteCode | UnsetType = UNSET
    receiver_entity: Bytes16 | UnsetType = UNSET
    refused_on: CivilDate | UnsetType = UNSET
    rests_on: Annotated[list[Reference], Meta(min_length=1, max_length=32)] | UnsetType = UNSET
    review: Bytes16 | UnsetType = UNSET
    scheme: Code | UnsetType = UNSET
    scope: ScopeBody | UnsetType = UNSET
    source: Annotated[bytes, Meta(min_length=8, max_length=32)] | UnsetType = UNSET
    standing: Literal["active", "suspended"] | UnsetType = UNSET
    status_index: Count | UnsetType = UNSET
    suspended_until: CivilDate | UnsetType = UNSET
    takes: Reference | UnsetType = UNSET
    valid_from: CivilDate | UnsetType = UNSET
    valid_until: CivilDate | UnsetType = UNSET


_FIRST = frozenset({Action.GRANT, Action.REFUSE, Action.TRANSFER_IN})
_VALIDITY = frozenset({Action.GRANT, Action.RENEW, Action.TRANSFER_IN})
_NEEDS_REASON = frozenset(
    {
        Action.SUSPEND,
        Action.REDUCE_SCOPE,
        Action.REFUSE,
        Action.REVOKE,
        Action.TERMINATE_ON_REQUEST,
    }
)


class Fields(NamedTuple):
    """Fields of a body by their names, and what reads all of them at once."""

    names: tuple[str, ...]
    read: Callable[[Body], tuple[object, ...]]

    @classmethod
    def of(cls, *names: str) -> "Fields":
        """Make the reader once; it is asked for every decision."""
        if len(names) > 1:
            return cls(names, attrgetter(*names))
        return cls(names, lambda body: tuple(getattr(body, name) for name in names))


class Needs(NamedTuple):
    """What an action needs besides its certificate.

    Attributes:
        word: the action as it is counted.
        code: the action as it is stored, its place among all.
        validity: whether it sets one.
        assessed: fields of a decision of this site.
        imported: fields of one taken from an existing register.
        steps: the transition table's column, by the status before.
        imported_steps: the same for an existing register.
    """

    word: str
    code: int
    validity: bool
    assessed: Fields
    imported: Fields
    steps: tuple[Status | None, ...]
    imported_steps: tuple[Status | None, ...]


def _needs_of(action: Action) -> Needs:
    first = ("offering", "scheme") if action in _FIRST else ()
    always = (*first, "status_index") if action is Action.GRANT else first
    assessed = (*always, "decided_on", "decider", "effective_date")
    if action in _VALIDITY:
        assessed += ("valid_from", "valid_until")
    if action in _NEEDS_REASON:
        assessed += ("reason_code",)
    if action is Action.SUSPEND:
        assessed += ("suspended_until",)
    if action is Action.REVOKE:
        assessed += ("appeal_until",)
    if action is Action.TRANSFER_OUT:
        # Handed over to nobody a label would be lost: no site could take it over.
        assessed += ("receiver", "receiver_entity")
    return Needs(
        action.value,
        ACTIONS.index(action),
        action in _VALIDITY,
        Fields.of(*assessed),
        Fields.of(*always),
        tuple(TRANSITIONS.get((status, action)) for status in Status),
        tuple(IMPORTED_TRANSITIONS.get((status, action)) for status in Status),
    )


NEEDS: Final = {action: _needs_of(action) for action in Action}

# What takes over a label of another site leaves its validity as it was there (SPEC XFER-2).
TAKEOVER: Final = NEEDS[Action.TRANSFER_IN]._replace(
    assessed=Fields.of(
        "offering",
        "scheme",
        "decided_on",
        "decider",
        "effective_date",
        "standing",
        "status_index",
    ),
)


def check_fields(body: Body, needs: Needs, *, imported: bool, is_numbered: bool) -> None:
    """Hold a decision to the fields that its action needs and forbids (I6).

    Raises:
        RefusedError: `lbl.precondition`.
    """
    if is_numbered and body.certificate is UNSET and body.action is not Action.REFUSE:
        raise _lacking(body, "certificate")
    fields = needs.imported if imported else needs.assessed
    values = fields.read(body)
    if UNSET in values:
        raise _lacking(body, fields.names[values.index(UNSET)])
    if body.status_index is not UNSET and body.action is not Action.GRANT and body.takes is UNSET:
        raise RefusedError("decision: only a grant has a status index", code="lbl.precondition")
    _check_transfer_fields(body, imported=imported)
    mends = not imported and body.action is Action.CORRECT and body.corrects is not UNSET
    if body.refused_on is not UNSET and not mends:
        raise RefusedError(
            "decision: only a correct that names a refusal in 'corrects' has 'refused_on'",
            code="lbl.precondition",
        )
    sets_validity = needs.validity or (imported and body.action is Action.REINSTATE)
    changes = body.valid_from is not UNSET or (body.valid_until is not UNSET and not mends)
    if changes and not sets_validity:
        more = " unless 'corrects' names the decision that set it, and then its end alone"
        raise RefusedError(
            f"decision: {body.action.value} changes no validity"
            f"{more if body.action is Action.CORRECT else ''}",
            code="lbl.precondition",
        )


def _check_transfer_fields(body: Body, *, imported: bool) -> None:
    """Hold the fields of a transfer to the decisions that may have them (SPEC LBL-9)."""
    if body.receiver is body.receiver_entity is body.takes is body.standing is UNSET:
        return
    if (body.receiver is UNSET) != (body.receiver_entity is UNSET):
        raise RefusedError(
            "decision: 'receiver' and 'receiver_entity' stand together", code="lbl.precondition"
        )
    if body.takes is UNSET and body.standing is not UNSET:
        raise RefusedError("decision: 'standing' needs 'takes'", code="lbl.precondition")
    for field, action in (("receiver", Action.TRANSFER_OUT), ("takes", Action.TRANSFER_IN)):
        if getattr(body, field) is not UNSET and (imported or body.action is not action):
            raise RefusedError(
                f"decision: only a {action.value} by this site has {field!r}",
                code="lbl.precondition",
            )


def _lacking(body: Body, field: str) -> RefusedError:
    if field in ("receiver", "receiver_entity"):
        return RefusedError(
            f"decision: transfer_out needs {field}; handed over to nobody, no site could decide on "
            "the label again",
            code="lbl.precondition",
        )
    rule = " (I6)" if field in _PROTECTING else ""
    return RefusedError(
        f"decision: {body.action.value} needs {field}{rule}", code="lbl.precondition"
    )


_PROTECTING: Final = ("reason_code", "suspended_until", "appeal_until")
