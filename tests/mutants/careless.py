"""Faults of our node as a reader: who erases for whom, and the text of a policy."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final


def everybody_looks_after_everybody() -> None:
    import_module("sopro_registry.projection").Ledger.looks_after = lambda *_: True


def a_key_for_two_witnesses() -> None:
    """Takes a public key under two names in a policy."""
    reader = import_module("sopro_protocol.policy")._Reader
    read_key = reader._key

    def key(self: Any, *args: Any) -> Any:
        self._keys.clear()
        return read_key(self, *args)

    reader._key = key


CARELESS: Final[dict[str, Callable[[], None]]] = {
    "X80": everybody_looks_after_everybody,
    "X81": a_key_for_two_witnesses,
}
