"""What the members of an adapter's `ok` look like (conformance/README.md), whoever gives them.

An answer of another form is no answer, and is told so where it comes in: no case has to look again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Form: TypeAlias = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _list_of(form: Form) -> Form:
    return lambda value: isinstance(value, list) and all(map(form, value))


def _map_of(form: Form) -> Form:
    return lambda value: isinstance(value, Mapping) and all(map(form, value.values()))


def _with(**forms: Form) -> Form:
    """Return the form of an object whose members, where they are there, have these forms."""
    return lambda value: (
        isinstance(value, Mapping)
        and all(form(value[name]) for name, form in forms.items() if value.get(name) is not None)
    )


_LOG: Final = _with(void=_map_of(_is_text), waits_at=_is_count)
_LABEL: Final = _with(status=_is_text, site=_is_text, decisions=_is_count)

FORMS: Final[Mapping[str, tuple[Form, str]]] = {
    "logs": (_map_of(_LOG), 'objects {"void": {"<index>": "<code>"}, "waits_at": n} by origin'),
    "labels": (_map_of(_LABEL), 'objects {"status", "site", "decisions"} by number'),
    "members": (_map_of(_is_text), "texts by site"),
    "refused": (_map_of(_is_text), "codes by origin"),
    "peers": (_map_of(_with(size=_is_count, code=_is_text)), 'objects {"size", "code"} by origin'),
    "indexes": (_list_of(_is_count), "a list of numbers"),
    "entities": (_list_of(_is_text), "a list of texts in base64"),
    "evidence": (_list_of(_is_text), "a list of texts in base64"),
    "names": (_list_of(_is_text), "a list of texts"),
    "profiles": (_list_of(_is_text), "a list of texts"),
    "features": (_list_of(_is_text), "a list of texts"),
    "url": (_is_text, "a text"),
    "origin": (_is_text, "a text"),
    "vkey": (_is_text, "a text"),
    "software": (_is_text, "a text"),
    "version": (_is_text, "a text"),
}


def find_flaw(given: Mapping[str, Any]) -> str:
    """Say which member of an answer has another form than it has to have; empty for none."""
    for name, (form, expected) in FORMS.items():
        if name in given and not form(given[name]):
            return f"{name} of the answer: expected {expected}, got {repr(given[name])[:80]}"
    return ""
