"""How much of a run is kept: so much of each case, and so much of all of them together.

What a candidate was asked can be whole logs, and what it says is anything. A request counts once,
however many checks rest on it. What does not fit is named with its size in place of its bytes; the
replay command of its case asks it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sopro_conformance.case import Check, Result, Verdict

OF_A_CASE: Final = 2 * 1024 * 1024
"""Bytes of requests that are kept of a case, if any of its checks is not green."""
OF_A_RUN: Final = 32 * 1024 * 1024
"""Bytes of requests that are kept of all cases."""
OF_WHAT_PASSED: Final = 4 * 1024
"""A request that was answered rightly is kept up to so many bytes."""
WORDS: Final = 4_000
"""Characters that are kept of each thing that is said of a check."""
CUT: Final = "cut"
"""Says in a request that it is not whole."""
_SHORT: Final = 200
LINES: Final = 2_000
"""Lines that are kept of what went over HTTP in a case: the last."""


@dataclass
class Room:
    """Room for the requests of a run.

    Attributes:
        left: so many bytes.
    """

    left: int = OF_A_RUN

    def keep(self, result: Result) -> None:
        """Cut what a case leaves, so that whatever was asked and said has an end."""
        result.why = cut(result.why)
        result.checks = self._cut_checks(result.checks)
        result.wire = [cut(one) for one in result.wire[-LINES:]]

    def _cut_checks(self, checks: Sequence[Check]) -> list[Check]:
        """Keep first what was asked about checks that are not green, in their order."""
        left = OF_A_CASE
        kept: dict[int, Mapping[str, Any]] = {}
        for one in sorted(checks, key=lambda one: one.verdict is Verdict.PASS):
            if id(one.request) in kept:
                continue
            size = size_of(one.request)
            most = OF_WHAT_PASSED if one.verdict is Verdict.PASS else OF_A_CASE
            fits = size <= min(most, left, self.left)
            kept[id(one.request)] = one.request if fits else _name(one.request, size)
            left -= size * fits
            self.left -= size * fits
        return [_cut(one, kept[id(one.request)]) for one in checks]


def size_of(value: Any) -> int:
    """Return about how many bytes a value is in JSON."""
    size, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        size += len(one) + 4 if isinstance(one, str) else 4
    return size


def _name(request: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Say of a request that is not kept what it was, and how large."""
    short = {name: one for name, one in request.items() if size_of(one) <= _SHORT}
    return short | {CUT: f"{size} bytes, which are not kept; the replay command asks them again"}


def _cut(one: Check, request: Mapping[str, Any]) -> Check:
    return replace(
        one,
        delta=cut(one.delta),
        expected=cut(one.expected),
        actual=cut(one.actual),
        twin=cut(one.twin),
        sent=cut(one.sent),
        request=request,
    )


def cut(text: str) -> str:
    """Return a text, or its beginning with a word about the rest."""
    return text if len(text) <= WORDS else f"{text[:WORDS]} ... (cut after {WORDS} characters)"
