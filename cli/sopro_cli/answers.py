"""Answers of the node that serves, which may be of an earlier version than the command."""

from collections.abc import Mapping
from typing import Any, NoReturn

from sopro_protocol.errors import UnavailableError


class Answer(dict[str, Any]):
    """An answer, or a part of one; what it lacks is said in a sentence, and not by a traceback."""

    def __missing__(self, name: str) -> NoReturn:
        """Say that this command wants to know more than that node tells.

        Raises:
            UnavailableError: always.
        """
        raise UnavailableError(
            f"the node that serves this directory is of another version than this command: what it "
            f"answers has no {name!r}; it may have done what was asked. Restart the node, and look"
        )


def read_answer(fields: Mapping[str, Any]) -> Answer:
    """Return what a node answered, parts within parts, too."""
    return Answer({name: _read(value) for name, value in fields.items()})


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        # Keys of a map are not always names of fields.
        return Answer({name: _read(one) for name, one in value.items()})
    if isinstance(value, list):
        return [_read(one) for one in value]
    return value
