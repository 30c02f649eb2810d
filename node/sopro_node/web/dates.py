"""Civil dates in addresses."""

from sopro_registry.fields import parse_day


def read_day(text: str) -> int:
    """Read the parameter `at` as a day.

    Raises:
        FormatError: `err.query`, it is no civil date.
    """
    return parse_day(text, field="at", code="err.query")
