"""Only some of the rows: asked for beside what the mapping says."""

from collections.abc import Mapping, Sequence

import msgspec

from sopro_node.importing.fields import Kind
from sopro_node.importing.mapping import parse_mapping
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_protocol.errors import FormatError


def narrow(
    mapping: SourceMapping | None,
    kind: Kind,
    *,
    where: Mapping[str, Sequence[str]],
    only: Mapping[str, Sequence[str]],
) -> SourceMapping | None:
    """Add the rows that are asked for to those of the mapping.

    Args:
        mapping: None where the columns are named like the fields.
        kind: what the rows are.
        where: columns with the values that are asked for.
        only: the same by fields, as they are read.

    Raises:
        FormatError: there is no mapping to add to, or the kind has no such field.
    """
    for name, found in (("where", where), ("only", only)):
        if found and mapping is None:
            raise FormatError(f"--{name} needs a --mapping")
        if found and mapping is not None:
            joined = {**getattr(mapping, name), **{one: list(some) for one, some in found.items()}}
            mapping = msgspec.structs.replace(mapping, **{name: joined})
    if mapping is not None and only:
        # Only fields of the kind can be asked for; the check is the mapping's own.
        parse_mapping(msgspec.to_builtins(mapping), kind, where="--only")
    return mapping
