"""From the fields of a draft to the body of a record, and why there is none."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sopro_protocol.errors import FormatError, RefusedError, SoproError
from sopro_registry.family import Family
from sopro_registry.tables import Void

_BODY: Final = "rec.body"


def make_body(family: Family[Any, Any], values: Mapping[str, Any]) -> msgspec.Struct:
    """Make the body of a record.

    Raises:
        FormatError: a field is none of the family's, or does not fit.
    """
    unknown = set(values) - set(family.body.__struct_fields__)
    if unknown:
        raise FormatError(
            f"{family.name}: no field {', '.join(sorted(unknown))}; "
            f"known: {', '.join(family.body.__struct_fields__)}",
            code=_BODY,
        )
    try:
        body: msgspec.Struct = msgspec.convert(dict(values), family.body, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise FormatError(f"{family.name}: {error}", code=_BODY) from None
    return body


def refusal_of(void: Void) -> SoproError:
    """Say why a draft came to nothing: a field that does not fit, or a rule."""
    kind = FormatError if void.code == _BODY else RefusedError
    return kind(void.message, code=void.code)
