"""Whether what comes with a known key is what the register has by that key, or something else.

Running numbers of two lists are the same numbers. A row that took over what another list brought
in would hand its labels to somebody else.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rapidfuzz import fuzz

from sopro_node.importing.countries import fold
from sopro_node.importing.mapping_parts import OTHERS
from sopro_node.importing.plan import Known
from sopro_node.importing.readings import Item
from sopro_node.importing.values import shown_key
from sopro_registry.identifiers import fold_identifier

_SAME_NAME: Final = 60.0
_ADVICE: Final = (
    "if these are two, give each list a 'source' in its mapping; if they are one, say why in "
    "[changed_keys]"
)


def why_another(item: Item, known: Known, reasons: Mapping[str, str]) -> tuple[str, bool]:
    """Say why an organisation is perhaps another one than that of its key, and whether surely.

    Args:
        item: of the row.
        known: what the register has by its key.
        reasons: of the mapping, why such rows are the same all the same, by key or for all.
    """
    name, before = item.fields.get("legal_name", ""), known.fields.get("legal_name", "")
    if not before or _is_near(str(name), str(before)):
        return "", False
    if reasons.get(shown_key(item.key)) or reasons.get(OTHERS):
        return "", False
    ours, theirs = _identifiers(item.fields), _identifiers(known.fields)
    if ours & theirs:
        return "", False
    schemes = {scheme for scheme, _ in ours} & {scheme for scheme, _ in theirs}
    apart = [
        *(["another identifier"] if schemes else []),
        *(["another place"] if _is_elsewhere(item, known) else []),
    ]
    what = " and ".join(["another name", *apart])
    return f"the register has {str(before)[:80]!r} by this key: {what}; {_ADVICE}", bool(apart)


def why_another_offering(
    item: Item, organisation: object, known: Known, reasons: Mapping[str, str]
) -> tuple[str, bool]:
    """Say why an offering is perhaps another one than that of its key, and whether surely.

    Args:
        item: of the row.
        organisation: entity of whose it is, by the row.
        known: what the register has by its key.
        reasons: of the mapping, as of organisations.
    """
    if known.body.get("organisation") == organisation:
        return "", False
    if reasons.get(shown_key(item.key)) or reasons.get(OTHERS):
        return "", False
    names, before = (_texts_of(one.fields) for one in (item, known))
    is_near = any(_is_near(one, other) for one in names for other in before)
    what = "" if is_near or not before else f" {before[0][:80]!r}"
    told = f"the register has{what or ' it as that'} of another organisation by this key"
    return f"{told}; {_ADVICE}", bool(what)


def _texts_of(fields: Mapping[str, Any]) -> list[str]:
    texts = fields.get("name")
    return [str(text) for text in texts.values()] if isinstance(texts, Mapping) else []


def _is_near(one: str, other: str) -> bool:
    return fuzz.token_set_ratio(fold(one), fold(other)) >= _SAME_NAME


def _identifiers(fields: Mapping[str, Any]) -> set[tuple[str, str]]:
    pairs: Sequence[Sequence[str]] = fields.get("identifiers") or []
    return {(one[0], fold_identifier(one[0], one[1])) for one in pairs if len(one) == 2}


def _is_elsewhere(item: Item, known: Known) -> bool:
    """Say whether the country is another one, or every part of a place that both have."""
    if item.values.get("country") != known.body.get("country"):
        return True
    both = [
        (str(item.fields[name]), str(known.fields[name]))
        for name in ("postal_code", "locality")
        if item.fields.get(name) and known.fields.get(name)
    ]
    return bool(both) and all(fold(one) != fold(other) for one, other in both)
