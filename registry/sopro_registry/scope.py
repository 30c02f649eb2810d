"""What a label holds for within its offering: areas and procurement codes (SPEC LBL-23)."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from sopro_protocol.errors import RefusedError
from sopro_registry.fields import Code
from sopro_registry.label import Action, Label, Scope

Codes = Annotated[list[Code], Meta(min_length=1, max_length=32)]

_WHOLE = Scope(-1, [], [])

STATING = frozenset(
    {Action.GRANT, Action.TRANSFER_IN, Action.EXTEND_SCOPE, Action.REDUCE_SCOPE, Action.CORRECT}
)
"""Actions that may state a scope; every other leaves it as it was."""


class ScopeBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scope as a decision states it.

    Attributes:
        areas: NUTS codes of where it is made or delivered; absent for everywhere.
        cpv: procurement codes it is for; absent for all of the offering.
    """

    areas: Codes | UnsetType = UNSET
    cpv: Codes | UnsetType = UNSET


def read_scope(
    stated: ScopeBody | UnsetType,
    action: Action,
    label: Label,
    *,
    index: int,
    corrects: int | UnsetType = UNSET,
    is_free: bool = False,
) -> Scope | None:
    """Return the scope that a decision states, held to the one before; None where it states none.

    Args:
        stated: the scope.
        action: what it does.
        label: as it was before.
        index: position of the decision.
        corrects: position of the decision that it corrects.
        is_free: whether it is taken over from an existing register, where it corrects.

    Raises:
        RefusedError: `lbl.precondition` for an action that states none, `lbl.scope` where its
            codes are not in order, or it extends or reduces nothing.
    """
    if isinstance(stated, UnsetType):
        return None
    if action not in STATING:
        raise RefusedError(
            f"decision: {action.value} changes no scope; leave 'scope' out",
            code="lbl.precondition",
        )
    scope = Scope(index, _read(stated.areas, "areas"), _read(stated.cpv, "cpv"))
    before = label.scope
    is_more, is_less = _holds(scope, before), _holds(before, scope)
    if action is Action.EXTEND_SCOPE and (is_less or not is_more):
        raise RefusedError(
            f"decision: an extended scope must hold all of the one before, {before.words}, "
            "and more",
            code="lbl.scope",
        )
    if action is Action.REDUCE_SCOPE and (is_more or not is_less):
        raise RefusedError(
            f"decision: a reduced scope must be a part of the one before, {before.words}",
            code="lbl.scope",
        )
    limit = _correctable(corrects, label)
    if action is Action.CORRECT and not is_free and not _holds(limit, scope):
        raise RefusedError(
            f"decision: a corrected scope must lie in {limit.words}, for more nobody has assessed; "
            "use extend_scope, with an application",
            code="lbl.scope",
        )
    return scope


def _correctable(corrects: int | UnsetType, label: Label) -> Scope:
    """Return the widest scope that a correction may state: the one before it, or before a mistake.

    What reduced it, and was wrong, can be taken back; what was never assessed cannot come so.
    """
    stated = label.scopes[-1:]
    if stated and corrects == stated[0].index and _reduces(stated[0].index, label):
        return label.scopes[-2] if label.scopes[1:] else _WHOLE
    return label.scope


def _reduces(index: int, label: Label) -> bool:
    """Say whether the decision at a position can only have made the scope smaller."""
    actions = [one.action for one in label.decisions if one.index == index and not one.imported]
    return bool(actions) and actions[0] in (Action.REDUCE_SCOPE, Action.CORRECT)


def _read(codes: list[str] | UnsetType, field: str) -> list[str]:
    read = [] if isinstance(codes, UnsetType) else codes
    if read != sorted(set(read)):
        raise RefusedError(
            f"decision: the {field} of a scope are not in their order, each once", code="lbl.scope"
        )
    return read


def _holds(whole: Scope, part: Scope) -> bool:
    """Say whether a scope holds all of another; none stated is everything."""
    return all(
        not all_of or (bool(some) and set(some) <= set(all_of))
        for all_of, some in ((whole.areas, part.areas), (whole.cpv, part.cpv))
    )


def check_corrected(corrects: int | UnsetType, action: Action, label: Label) -> None:
    """Hold what a decision says it corrects to being a decision on the label (SPEC LBL-24).

    Raises:
        RefusedError: `lbl.precondition` for an action that corrects nothing, `lbl.reference` for
            what is no decision on this label.
    """
    if isinstance(corrects, UnsetType):
        return
    if action is not Action.CORRECT:
        raise RefusedError(
            f"decision: only a correct has 'corrects', not a {action.value}",
            code="lbl.precondition",
        )
    if all(corrects != one.index for one in label.decisions):
        raise RefusedError(
            f"decision: entry {corrects} is no decision on this label", code="lbl.reference"
        )
