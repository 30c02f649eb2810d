"""Words of a candidate, so that they can be written anywhere: on a terminal, in a page, in XML."""

import json
import math
from collections.abc import Iterator
from typing import Any

from sopro_conformance.case import BrokenTextError


def plain(text: str) -> str:
    """Replace what is no character, or gives orders to whatever shows it."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)


def spell(text: str) -> str:
    r"""Write lone surrogates, which are no characters, as JSON does: `\ud800`."""
    return text.encode("utf-8", "backslashreplace").decode()


def spell_all(value: Any) -> Any:
    """Return a value of JSON with every text in it spelt."""
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, dict):
        return {spell(name): spell_all(one) for name, one in value.items()}
    return [spell_all(one) for one in value] if isinstance(value, list) else value


def read_json(data: bytes, what: str) -> Any:
    """Read what a candidate says in JSON (EXCH-16).

    Args:
        data: UTF-8.
        what: is read, for words about it.

    Raises:
        BrokenTextError: a text in it holds what is no character.
        ValueError: it is no JSON, or nested deeper than anything that is asked of a candidate.
    """
    try:
        value = json.loads(data.decode(), parse_constant=_no_number, parse_float=_number)
    except RecursionError:
        raise ValueError(f"{what}: nested too deeply") from None
    broken = next((one for one in _texts(value) if spell(one) != one), None)
    if broken is not None:
        said = spell(broken[:80])
        raise BrokenTextError(
            f"the JSON of {what} holds a lone surrogate, which is no character: {said!r}"
        )
    return value


def _texts(value: Any) -> Iterator[str]:
    """Go through every text and every name in a value of JSON."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _number(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(f"{text[:40]} is beyond all numbers")
