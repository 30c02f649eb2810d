"""Faults of who calls others and starts again: names, the start fence, events, keys, documents."""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

ASTRAY: Final[dict[str, Callable[[], None]]] = {}


def fault(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(change: Callable[[], None]) -> Callable[[], None]:
        ASTRAY[name] = change
        return change

    return enter


# Whom it calls.


@fault("N80")
def resolves_a_name_again() -> None:
    resolver = import_module("sopro_node.reach").GuardedResolver
    judge = resolver.resolve

    async def resolve(self: Any, *args: Any, **named: Any) -> Any:
        await judge(self, *args, **named)
        return await self._inner.resolve(*args, **named)

    resolver.resolve = resolve


@fault("N81")
def judges_the_first_address() -> None:
    resolver = import_module("sopro_node.reach").GuardedResolver

    async def resolve(self: Any, host: str, *args: Any, **named: Any) -> Any:
        found = await self._inner.resolve(host, *args, **named)
        self._reach.check_address(found[0]["host"], of=host)
        return found

    resolver.resolve = resolve


# How it starts again.


@fault("N82")
def signs_before_it_has_asked() -> None:
    fence = import_module("sopro_node.fence").Fence
    fence.begin = lambda self: (self._open(), self._decided.set())


@fault("N83")
def forgets_what_others_have_shown() -> None:
    module = import_module("sopro_node.fence")
    module.load_kept = lambda _store: module.Kept()  # type: ignore[attr-defined]


@fault("N84")
def passes_over_a_second_history_of_its_own() -> None:
    async def pass_over(self: Any, *_: Any) -> None:
        self._open()

    import_module("sopro_node.fence").Fence._fork = pass_over


@fault("N85")
def hears_nothing_of_its_own_log() -> None:
    import_module("sopro_node.fence").Fence.hear = lambda *_: None


@fault("N99")
def says_nothing_of_going_on_alone() -> None:
    async def decide(self: Any, *_: Any) -> int:
        self._log.open()
        return 0

    import_module("sopro_node.fence").Fence._decide_alone = decide


# What it takes from others.


@fault("N86")
def believes_what_events_say() -> None:
    pull = import_module("sopro_node.pull").Pull
    opening = import_module("sopro_node.opening").Opening
    run, open_head = pull._run, opening.open_head
    module = import_module("sopro_protocol.checkpoint")

    async def run_pushed(self: Any, push: Any) -> Any:
        self._opening.is_pushed = push is not None and bool(push.bundle)
        return await run(self, push)

    async def open_pushed(self: Any, note: bytes, history: Any) -> Any:
        if not self.is_pushed:
            return await open_head(self, note, history)
        parsed = import_module("sopro_protocol.note").parse_note(note)
        said = module.parse_checkpoint_text(parsed.text)
        self.keys = {span.key_id: span.public for span in history}
        self.spans = tuple(history)
        return module.SignedCheckpoint(said.origin, said.size, said.root, note, parsed)

    pull._run, opening.open_head = run_pushed, open_pushed


@fault("N87")
def tells_of_a_size_that_it_has_not_signed() -> None:
    module = import_module("sopro_node.web.logs")
    tell = module._format_event

    def format_event(checkpoint: bytes, *brought: Any) -> Any:
        said = tell(checkpoint, *brought)
        return re.sub(rb'"size": ([0-9]+)', lambda one: b'"size": %d' % (int(one[1]) + 1), said)

    module._format_event = format_event  # type: ignore[attr-defined]


@fault("N88")
def never_asks_for_keys_again() -> None:
    async def open_head(self: Any, note: bytes, history: Any) -> Any:
        return self._open_with(note, history)

    import_module("sopro_node.opening").Opening.open_head = open_head


@fault("N89")
def takes_keys_that_are_not_in_the_log() -> None:
    opening = import_module("sopro_node.opening").Opening
    opening.check_keys = lambda _self, _step, signed: signed.note


@fault("N90")
def forgets_the_head_it_was_on_the_way_to() -> None:
    import_module("sopro_node.growing").look_ahead = lambda *_, **__: None  # type: ignore[attr-defined]


@fault("N91")
def takes_gaps_without_a_record() -> None:
    module = import_module("sopro_node.gaps")
    withholding = import_module("sopro_registry.family").Withholding

    def believe(data: bytes, *, leaf: bytes, index: int, record: int, **_: Any) -> Any:
        return withholding(index, leaf, record)

    module.open_withholding = believe  # type: ignore[attr-defined]


@fault("N92")
def takes_documents_as_they_ride() -> None:
    import_module("sopro_node.verify").check_document = lambda *_, **__: None  # type: ignore[attr-defined]


@fault("N93")
def takes_documents_as_they_are_served() -> None:
    import_module("sopro_node.gathering").check_document = lambda *_, **__: None  # type: ignore[attr-defined]


@fault("N95")
def erases_for_nobody_else() -> None:
    tables = import_module("sopro_node.store.tables").StoreTables
    erase = tables.erase

    def erase_own(self: Any, erased: Any) -> None:
        if not erased.origin:
            erase(self, erased)

    tables.erase = erase_own


@fault("N96")
def cosigns_at_any_time() -> None:
    import_module("sopro_node.witness").MAX_BEHIND = 10**9  # type: ignore[attr-defined]


# As a coordinator.


@fault("N97")
def takes_requests_although_another_was_appointed() -> None:
    import_module("sopro_node.settling").Settling.check_in_place = lambda _self: None
