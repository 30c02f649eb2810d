"""Faults about who goes on with which log, and what of it is shown; `run.py` and `served.py` take
them in.

`JUDGED` show in what a node says of bytes, `SERVED` over the network only.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

JUDGED: Final[dict[str, Callable[[], None]]] = {}
SERVED: Final[dict[str, Callable[[], None]]] = {}


def fault(name: str, kind: dict[str, Callable[[], None]]) -> Callable[[Callable[[], None]], None]:
    def enter(change: Callable[[], None]) -> None:
        kind[name] = change

    return enter


def replace(module: str, name: str, new: Any) -> None:
    """Replace a function wherever the node has taken it from its module."""
    old = getattr(import_module(module), name)
    for loaded in [one for key, one in sys.modules.items() if key.startswith("sopro_")]:
        if vars(loaded).get(name) is old:
            setattr(loaded, name, new)


# In what it says of certificates and whole logs.


@fault("Y01", JUDGED)
def log_keys_for_ever() -> None:
    def log_keys_at(spans: Any, _size: int) -> list[bytes]:
        return [one.public for one in spans if one.role == "log"]

    replace("sopro_registry.keyhistory", "log_keys_at", log_keys_at)


@fault("Y02", JUDGED)
def halves_need_not_fit() -> None:
    replace("sopro_registry.certificate", "_check_transfer", lambda *_: None)


@fault("Y03", JUDGED)
def who_has_gone_is_believed() -> None:
    replace("sopro_registry.verdict", "_check_gone", lambda *_: None)


@fault("Y04", JUDGED)
def logs_are_not_asked() -> None:
    replace("sopro_cli.knowing", "know_logs", lambda _: None)


@fault("Y05", JUDGED)
def contradictions_pass() -> None:
    from_where = import_module("sopro_registry.projection")
    from_where.Ledger._is_contradiction = lambda *_: False  # type: ignore[attr-defined]


@fault("Y06", JUDGED)
def anything_continues_anything() -> None:
    replace("sopro_registry.families.site_keys", "_check_continued", lambda *_: None)


@fault("Y07", JUDGED)
def one_member_appoints() -> None:
    replace("sopro_registry.appointment", "needed_appointments", lambda _: 1)


@fault("Y08", JUDGED)
def decisions_need_no_evidence() -> None:
    replace("sopro_registry.families.anchor", "read_fork", lambda _: None)


# Over the network.


@fault("H01", SERVED)
def gaps_need_no_reason() -> None:
    """Takes whatever record is named for the one that withholds an entry."""
    from_where = import_module("sopro_registry.family")

    def open_withholding(_data: bytes, *, index: int, leaf: bytes, record: int, **_: Any) -> Any:
        return from_where.Withholding(index, leaf, record, "other", b"")

    replace("sopro_registry.withholding", "open_withholding", open_withholding)
    import_module("sopro_registry.projection").Ledger._check_withholding = lambda *_: None


@fault("H02", SERVED)
def any_beginning_will_do() -> None:
    import_module("sopro_registry.directory").Directory.beginning = lambda *_: None


@fault("H03", SERVED)
def one_member_settles() -> None:
    replace("sopro_registry.recovery", "needed_approvals", lambda _: 1)


@fault("H04", SERVED)
def old_keys_lead_on() -> None:
    import_module("sopro_node.evidence").EvidenceKeeper.check_keys = lambda *_: None


@fault("H05", SERVED)
def anybody_accuses() -> None:
    """Takes the keys in evidence as they stand."""
    from_where = import_module("sopro_registry.evidence")

    def open_keys(entries: Any, *, origin: str, **_: Any) -> Any:
        opened = [from_where._open_keys(data, origin) for data in entries]
        return [key for one in opened for key in one.body.keys]

    replace("sopro_registry.evidence", "open_keys", open_keys)


@fault("H06", SERVED)
def nothing_is_abandoned() -> None:
    import_module("sopro_registry.directory").Directory.abandoned = lambda *_: frozenset()


@fault("H07", SERVED)
def says_of_its_members_what_it_likes() -> None:
    replace("sopro_registry.appointment", "digest_voters", lambda _: bytes(32))


@fault("H08", SERVED)
def the_first_members_settle() -> None:
    """Asks those who were members where two histories part, whoever has been admitted since."""
    from_where = import_module("sopro_registry.anchors")
    old = from_where.suffices_always

    def suffices(by: Any, directory: Any, sizes: range) -> Any:
        return old(by, directory, sizes[:1])

    replace("sopro_registry.anchors", "suffices_always", suffices)


@fault("H09", SERVED)
def what_is_settled_comes_back() -> None:
    import_module("sopro_node.evidence").EvidenceKeeper.may_be_settled = lambda *_: False
