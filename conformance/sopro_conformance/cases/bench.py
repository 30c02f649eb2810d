"""Many records in one world, each beside a twin that counts; and whole tables of steps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from sopro_conformance.adapter import Answer
from sopro_conformance.case import Check, Verdict
from sopro_conformance.cases.judged import close, new_world, question
from sopro_conformance.trial import Trial, with_request
from sopro_conformance.world.federation import World, void_of
from sopro_conformance.world.sitelog import SiteLog, Written

Take: TypeAlias = Callable[[str], Written]
"""Appends the record of one step of one thing."""
Begin: TypeAlias = Callable[[], Take]
"""Begins another thing that takes steps."""
Prepare: TypeAlias = Callable[[World], tuple[SiteLog, Begin]]
"""Brings a world to where things begin to take steps."""
Table: TypeAlias = Mapping[str, Sequence[str]]
"""Which steps follow which; those behind the empty one begin."""

_WORDS: Final = {None: "not told", "": "counts"}


class _Attempt(NamedTuple):
    """A record that was tried: by which code it has to be void, and what counts beside it."""

    what: str
    written: Written
    code: str
    twin: Written | None


class Bench:
    """Tries many records of one log in one world, and asks for the verdict on all at once."""

    def __init__(self, trial: Trial, world: World, log: SiteLog) -> None:
        self.trial, self.world, self.log = trial, world, log
        self._attempts: list[_Attempt] = []

    def counts(self, what: str, written: Written) -> None:
        """Have a record checked that has to count."""
        self._attempts.append(_Attempt(what, written, "", None))

    def is_void(self, delta: str, code: str, written: Written, *, twin: Written) -> None:
        """Have a record checked that has to be void for its one difference from a twin."""
        self._attempts.append(_Attempt(delta, written, code, twin))

    async def judge(self, then: Callable[[Answer], None] = lambda _: None) -> None:
        """Have all of them judged, and that what is behind them counts; then whatever else."""
        self.counts("the record behind them all", close(self.world, self.log))

        def judge(answer: Answer) -> None:
            self.trial.checks += [self._check(one, answer) for one in self._attempts]
            then(answer)

        self.trial.ask(judge, question(self.trial, self.world))

    def _check(self, one: _Attempt, answer: Answer) -> Check:
        found = void_of(answer.ok, one.written, self.log.origin)
        twin = void_of(answer.ok, one.twin, self.log.origin) if one.twin else ""
        if answer.error or twin not in ("", None):
            verdict = Verdict.NOT_MEASURED
        else:
            is_right = found in one.code.split() if one.code else found == ""
            verdict = Verdict.PASS if is_right else self.trial.failed
        expected = f"void {one.code}" if one.code else "counts"
        place = f"entry {one.written.position} of {self.log.origin}: "
        other = _say(answer, twin) if one.twin else ""
        check = Check(one.what, verdict, expected, place + _say(answer, found), other)
        return with_request(check, answer)


def _say(answer: Answer, void: Any) -> str:
    return answer.words if answer.ok is None else _WORDS.get(void, f"void {void}")


def find_ways(table: Table) -> dict[str, tuple[str, ...]]:
    """Return the shortest way from the beginning to every step of a table."""
    ways: dict[str, tuple[str, ...]] = {"": ()}
    for before in (queue := [""]):
        for step in table[before]:
            if step not in ways:
                ways[step] = (*ways[before], step)
                queue.append(step)
    return ways


async def try_table(trial: Trial, table: Table, code: str, prepare: Prepare) -> None:
    """Try every pair of a step before and a step after.

    Those of the table have to count. Every other is void, beside the same step after one that it
    may follow; and it moves nothing: what might follow before still does, and where nothing might,
    what would follow it does not.

    Args:
        trial: the case.
        table: of which steps follow which.
        code: of a step that does not.
        prepare: the world in which they are tried.
    """
    world = new_world(trial, "the table")
    log, begin = prepare(world)
    bench = Bench(trial, world, log)
    ways = find_ways(table)
    pairs = [(before, step) for before in table for step in ways if step]
    taken: dict[tuple[str, str], list[Written]] = {}
    # What is where in the log says nothing of what it is.
    for before, step in world.source.sample(pairs, len(pairs)):
        take = begin()
        for one in ways[before]:
            take(one)
        taken[before, step] = [take(step), *map(take, _further(table, before, step))]
    twins: dict[str, Written] = {}
    refused: list[tuple[str, str, Written]] = []
    for before, step in pairs:
        legal, where = table[before], before or "nothing"
        written, *behind = taken[before, step]
        if step in legal:
            twins.setdefault(step, written)
            bench.counts(f"{step} after {where}", written)
            continue
        refused.append((f"{step} after {where}", step, written))
        for further, later in zip(_further(table, before, step), behind, strict=True):
            what = f"{further} after {where} and a void {step}"
            if legal:
                bench.counts(what, later)
            else:
                refused.append((what, further, later))
    for delta, step, written in refused:
        bench.is_void(delta, code, written, twin=twins[step])
    await bench.judge()


def _further(table: Table, before: str, step: str) -> Sequence[str]:
    """Return what is tried behind a step that may not follow: what tells that it moved nothing."""
    legal = table[before]
    return () if step in legal else (legal or table[step])[:1]
