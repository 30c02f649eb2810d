"""Certificate numbers: the next one a site has not given yet."""

from typing import Final

from sopro_node.store.base import Reader
from sopro_node.store.tables import StoreTables
from sopro_protocol.errors import RefusedError

_LAST: Final = 99_999
_GROUPS: Final = 999
_END: Final = "~"


class Numbers:
    """Finds free numbers `SOPRO/<prefix>/<group>/<five digits>`, group after group.

    A number counts as given when a label of the store or of the step under way bears it, so that
    numbers which came with an existing register are passed over.
    """

    def __init__(self, store: Reader, tables: StoreTables) -> None:
        self._store = store
        self._tables = tables
        self._places: dict[str, tuple[int, int]] = {}

    def next_of(self, prefix: str) -> str:
        """Return the next free number of a site.

        Raises:
            RefusedError: there is none.
        """
        group, last = self._places.get(prefix) or (1, self._last_given(prefix, 1))
        while group <= _GROUPS:
            for place in range(last, _LAST + 1):
                number = f"SOPRO/{prefix}/{group:03}/{place:05}"
                if place and not self._tables.has_name("label_decision", number):
                    self._places[prefix] = (group, place)
                    return number
            group += 1
            last = self._last_given(prefix, group)
        raise RefusedError(f"decision: no number of SOPRO/{prefix} is free")

    def _last_given(self, prefix: str, group: int) -> int:
        low = f"SOPRO/{prefix}/{group:03}/"
        found = self._store.last_number(low=low, high=low + _END)
        return int(found.rsplit("/", 1)[1]) if found else 0
