"""The organisations of a file, beside those that the register has already."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from sopro_node.importing.duplicates import MAX_COMPARED, Candidate, Duplicate, Duplicates
from sopro_node.importing.fields import Kind
from sopro_node.importing.plan import entity_of
from sopro_node.importing.readings import Reading

_SHOWN: Final = 16
_FAMILY: Final = "organisation"

Call = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


def is_of_organisations(kind: Kind) -> bool:
    """Say whether the rows of a kind are organisations."""
    return kind is Kind.ORGANISATIONS


class Organisations:
    """Gathers the organisations of a file and compares them with each other and the register's."""

    def __init__(self, call: Call, secret: bytes) -> None:
        self._call = call
        self._secret = secret
        self._entities: set[bytes] = set()
        self._duplicates = Duplicates()

    def add(self, line: int, reading: Reading) -> None:
        """Take the organisation of a row, where it is understood and does not come back."""
        item = reading.item
        if item is None:
            return
        entity = entity_of(self._secret, _FAMILY, item.key)
        if entity in self._entities:
            return
        if len(self._entities) < MAX_COMPARED:
            self._entities.add(entity)
        self._duplicates.add(
            _candidate(
                f"line {line}",
                str(item.values.get("country", "")),
                item.fields,
                [(one.scheme, one.value) for one in reading.identifiers],
            )
        )

    async def compare(self) -> tuple[Sequence[Duplicate], int]:
        """Return the hints, and how many organisations were too many to compare."""
        after = b""
        while rows := (await self._call("own_organisations", {"after": after}))["rows"]:
            for row in rows:
                if row["entity"] not in self._entities:
                    where = f"in the register ({row['entity'].hex()[:_SHOWN]})"
                    fields = row["fields"]
                    pairs = fields.get("identifiers") or []
                    known = [(str(one[0]), str(one[1])) for one in pairs if len(one) == 2]
                    one = _candidate(where, row["country"], fields, known)
                    self._duplicates.add(one._replace(is_known=True))
            after = rows[-1]["entity"]
        return self._duplicates.find(), self._duplicates.not_compared


def _candidate(
    where: str, country: str, fields: Mapping[str, Any], identifiers: Sequence[tuple[str, str]]
) -> Candidate:
    return Candidate(
        where,
        str(fields.get("legal_name", "")),
        country,
        str(fields.get("locality", "")),
        str(fields.get("postal_code", "")),
        tuple(identifiers),
    )
