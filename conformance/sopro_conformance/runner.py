"""Runs the cases of a profile against a candidate, one after the other."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sopro_conformance.adapter import Adapter
from sopro_conformance.case import Case, Profile, Result, Verdict
from sopro_conformance.catalogue import CASES, GROUPS
from sopro_conformance.replay import Setting
from sopro_conformance.room import Room
from sopro_conformance.trial import Trial
from sopro_conformance.trying import mix, try_cases
from sopro_conformance.world.memory import Memory
from sopro_conformance.world.scene import Scene

CASE_DEADLINE = 120.0
"""Seconds a case may take; a candidate that drags on is not measured."""

LONGER = 10
"""So many times as much in a long run."""

PROTOCOL: Final = 1
"""Of the adapter (conformance/README.md)."""
_HELLO: Final = ("protocol", "software", "version", "profiles", "features")
_LONGEST: Final = 200
_MOST: Final = 100
"""So many characters of a name, and so many names."""

EXIT_PASSED = 0
EXIT_FAILED = 1
EXIT_NOT_MEASURED = 2
EXIT_STALE_WAIVER = 3
EXIT_NOTHING_RAN = 4


@dataclass
class Address:
    """A candidate that serves already.

    Attributes:
        url: of its node.
        ca: PEM file that its certificate is verified against; empty for the system's.
        public_only: whether it is called at public addresses only.
        connect_to: address to connect to, whatever the name in `url` leads to.
        memory: what was seen there on other days; it is added to.
        memory_file: where that is kept; empty for nowhere.
    """

    url: str
    ca: str = ""
    public_only: bool = False
    connect_to: str = ""
    memory: Memory = field(default_factory=Memory)
    memory_file: str = ""


@dataclass
class Run:
    """A run and what it found.

    Attributes:
        profiles: that the candidate is to be held to.
        seed: from which every fixture follows.
        command: of the adapter.
        candidate: what `hello` gave.
        results: in the order of the catalogue.
        began: POSIX seconds.
        seconds: that it took.
        why: it could not run at all; empty where it could.
        stderr: the last lines of the adapter.
        url: of a candidate without an adapter.
        setting: with what it was started.
    """

    profiles: Sequence[Profile]
    seed: str
    command: str
    candidate: Mapping[str, Any] = field(default_factory=dict)
    # asyncio writes out what a run returns (`Runner.run` compares signal handlers): that is large.
    results: list[Result] = field(default_factory=list, repr=False)
    began: float = 0.0
    seconds: float = 0.0
    why: str = ""
    stderr: Sequence[str] = ()
    url: str = ""
    setting: Setting = field(default_factory=Setting)

    @property
    def exit_code(self) -> int:
        """The code a program ends with (conformance/README.md)."""
        # What is waived stays what it was found to be.
        verdicts = {one.found for one in self.results}
        if not self.results:
            return EXIT_NOT_MEASURED if self.why else EXIT_NOTHING_RAN
        if Verdict.FAIL in verdicts:
            return EXIT_FAILED
        if self.why or Verdict.NOT_MEASURED in verdicts:
            return EXIT_NOT_MEASURED
        if any(one.waiver and one.found is Verdict.PASS for one in self.results):
            return EXIT_STALE_WAIVER
        return EXIT_PASSED

    @property
    def is_whole(self) -> bool:
        """Whether every case was tried that the profiles need, with an adapter."""
        tried = {one.case.id for one in self.results}
        return not self.url and all(one.id in tried for one in choose(self.profiles))


def choose(profiles: Sequence[Profile], names: Sequence[str] = ()) -> list[Case]:
    """Return the cases that these profiles need, or those named among all."""
    chosen = [
        one
        for one in CASES.values()
        if (one.id in names or one.group in names if names else one.is_required(profiles))
    ]
    return sorted(chosen, key=lambda one: (GROUPS.index(one.group), one.id))


async def run(  # noqa: PLR0913  # what is run, against what, and who is told
    command: str,
    profiles: Sequence[Profile],
    *,
    seed: str,
    began: float = 0.0,
    names: Sequence[str] = (),
    waivers: Mapping[str, str] | None = None,
    deadline: float = 1.0,
    tell: Callable[[Result], None] = lambda _: None,
    address: Address | None = None,
    is_long: bool = False,
) -> Run:
    """Run the suite; whatever the candidate does, there is a report.

    `began` is in POSIX seconds, now where it is not given. A long run tries more of what takes
    minutes. With an address there is no adapter, and only the cases that need nothing else are
    tried.
    """
    url = address.url if address else ""
    setting = Setting(patience=deadline, is_long=is_long, waivers=dict(waivers or {}))
    if address is not None:
        setting = replace(
            setting,
            ca=address.ca,
            public_only=address.public_only,
            connect_to=address.connect_to,
            memory=address.memory_file,
        )
    done = Run(profiles, seed, command, began=began or time.time(), url=url, setting=setting)
    started = time.perf_counter()
    candidate = Adapter(command, deadline)
    chosen = choose(profiles, names)
    order = {one.id: number for number, one in enumerate(chosen)}
    stage = Scene(candidate, random.Random(f"{seed}/world"), deadline)  # noqa: S311  # repeatable
    stage.is_long = is_long
    if address is not None:
        stage.url, stage.ca, stage.public_only = address.url, address.ca, address.public_only
        stage.connect_to, stage.memory = address.connect_to, address.memory
    try:
        if url:
            chosen = [one for one in chosen if one.by_url]
        else:
            await candidate.open()
            await _greet(candidate, done)
            if done.why:
                done.results += [Result(one, [], 0.0, done.why) for one in chosen]
                chosen = []

        room = Room()
        most = CASE_DEADLINE * deadline * (LONGER if is_long else 1)

        async def try_all(*, apart: bool) -> None:
            for cases in mix([one for one in chosen if one.is_apart is apart], seed):
                around = None if apart else stage
                trials = [Trial(one, candidate, seed, stage=around) for one in cases]
                for result in await try_cases(trials, done.candidate, most):
                    result.waiver = (waivers or {}).get(result.case.id, "")
                    room.keep(result)
                    done.results.append(result)
                    tell(result)

        # Cases with a candidate of their own mostly wait for it, so they are tried beside others.
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(try_all(apart=True))
            lanes.create_task(try_all(apart=False))
        done.results.sort(key=lambda one: order[one.case.id])
        if url and stage.client is not None:
            stage.memory.keep(stage.client.seen, {})
    finally:
        await stage.close()
        await candidate.close()
    done.stderr = candidate.stderr
    done.seconds = time.perf_counter() - started
    return done


async def _greet(candidate: Adapter, done: Run) -> None:
    """Learn who the candidate is; where its adapter does not say so, nothing can be tried."""
    hello = await candidate.ask("hello", protocol=PROTOCOL)
    given = hello.ok or {}
    done.candidate = {name: _short(given[name]) for name in _HELLO if name in given}
    if hello.ok is None:
        done.why = f"the adapter does not say hello: {hello.words}"
    elif given.get("protocol", PROTOCOL) != PROTOCOL:
        spoken = repr(given["protocol"])[:80]
        done.why = f"the adapter speaks protocol {spoken}, and this suite speaks {PROTOCOL}"


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST]
    return [_short(one) for one in value[:_MOST]] if isinstance(value, list) else value
