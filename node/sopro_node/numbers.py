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
    numbers which came with an existing register are passed over. A log of a later epoch puts its
    epoch before the five digits (SPEC EPOCH-6).
    """

    def __init__(self, store: Reader, tables: StoreTables, *, log: int, epoch: int) -> None:
        self._store = store
        self._tables = tables
        self._log = log
        self._epoch = f"{epoch:04}" if epoch > 1 else ""
        self._places: dict[str, tuple[int, int]] = {}

    def next_of(self, prefix: str) -> str:
        """Return the next free number of a site.

        Raises:
            RefusedError: there is none.
        """
        group, last = self._places.get(prefix) or (1, self._last_given(prefix, 1))
        while group <= _GROUPS:
            for place in range(last, _LAST + 1):
                number = f"SOPRO/{prefix}/{group:03}/{self._epoch}{place:05}"
                if place and not self._tables.has_name("label_decision", number):
                    self._places[prefix] = (group, place)
                    return number
            group += 1
            last = self._last_given(prefix, group)
        raise RefusedError(f"decision: no number of SOPRO/{prefix} is free")

    def _last_given(self, prefix: str, group: int) -> int:
        low = f"SOPRO/{prefix}/{group:03}/{self._epoch}"
        # In the range of a later epoch lie numbers of earlier ones too, which are shorter.
        log = self._log if self._epoch else 0
        found = self._store.last_number(low=low, high=low + _END, log=log)
        return int(found[len(low) :]) if found else 0
