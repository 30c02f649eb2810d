"""What a case works with: the candidate, the world, a source of randomness, and its checks.

The rules that hold for every case are here, so that no case can forget one: a hostile input counts
only beside a twin that was accepted in the same session (twin rule) and where the candidate gives
the code that SPEC.md names (reason rule).
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sopro_conformance.adapter import Adapter, Answer, pack
from sopro_conformance.case import Case, Check, NotMeasured, Verdict
from sopro_conformance.world.client import Client, wait_until
from sopro_conformance.world.scene import Scene


def with_request(check: Check, answer: Answer) -> Check:
    """Return a check with what the adapter was asked, where somebody has to look at it.

    Whole logs are large, and what passed can be tried again by its seed.
    """
    if check.verdict is Verdict.PASS:
        return check
    sent = {name: one for name, one in answer.request.items() if name != "id"}
    return replace(check, request=sent, seconds=answer.seconds)


@dataclass
class Trial:
    """A case being tried.

    Attributes:
        case: which.
        candidate: its adapter.
        seed: all randomness of the case follows from it and the case's id.
        checks: what was found so far.
        stage: the federation around the candidate, where the run has one; a case that brings
            its own has none.
        wire: what went over HTTP in federations of its own, oldest first.
    """

    case: Case
    candidate: Adapter
    seed: str
    checks: list[Check] = field(default_factory=list)
    stage: Scene | None = None
    wire: list[str] = field(default_factory=list)
    _twins: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start the case's own randomness."""
        self.random = random.Random(f"{self.seed}/{self.case.id}")  # noqa: S311  # repeatable

    @property
    def scene(self) -> Scene:
        """The federation around the candidate.

        Raises:
            NotMeasured: this run has none.
        """
        if self.stage is None:
            raise NotMeasured("this case needs the federation around the candidate")
        return self.stage

    async def node(self) -> Client:
        """Have the candidate serve, whether it is a member or not, and return what reads it."""
        return await self.scene.start()

    async def member(self) -> Client:
        """Have the candidate serve as a member of the federation."""
        return await self.scene.join()

    @asynccontextmanager
    async def another_scene(self) -> AsyncIterator[Scene]:
        """Put another candidate into another federation, for what would spoil this one."""
        adapter = Adapter(self.candidate.command, self.candidate.deadline)
        scene = Scene(adapter, self.random, self.candidate.deadline)
        await adapter.open()
        try:
            yield scene
        finally:
            self.wire += [*(scene.client.wire if scene.client else []), *scene.asked_since({})]
            await scene.close()
            await adapter.close()

    async def within(self, holds: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
        """Go on once something holds.

        Raises:
            NotMeasured: it never did in so many seconds.
        """
        seconds *= self.candidate.deadline
        self.need(await wait_until(holds, within=seconds), f"not within {seconds:.0f} s: {what}")

    async def verify(self, kind: str, **fields: Any) -> Answer:
        """Ask for a verdict on bytes."""
        return await self.candidate.ask("verify", kind=kind, **fields)

    async def accepts(
        self, kind: str, gives: Mapping[str, Any] | None = None, *, what: str, **fields: Any
    ) -> Answer:
        """Check that an input is accepted and gives what the suite has computed itself."""
        answer = await self.verify(kind, **fields)
        wanted = pack(dict(gives or {}))
        expected = f"accepted {wanted}" if wanted else "accepted"
        if answer.error:
            verdict = Verdict.NOT_MEASURED
        elif answer.ok is None or any(answer.ok.get(key) != one for key, one in wanted.items()):
            verdict = self.failed
        else:
            verdict = Verdict.PASS
        self.checks.append(self._judge((what, verdict, expected), answer, kind, fields))
        return answer

    async def refuses(
        self,
        kind: str,
        code: str,
        *,
        delta: str,
        twin: Mapping[str, Any],
        **fields: Any,
    ) -> Answer:
        """Check that an input is refused for its one difference from an accepted twin.

        Args:
            kind: of input.
            code: that SPEC.md names; several, separated by spaces, where it leaves a choice.
            delta: the difference.
            twin: the fields of the twin that are others; those it does not name are the input's.
            fields: of the input.
        """
        accepted = await self._try_twin(kind, {**fields, **twin})
        answer = await self.verify(kind, **fields)
        if accepted.ok is None or answer.error:
            verdict = Verdict.NOT_MEASURED
        elif answer.ok is not None or answer.code not in code.split():
            verdict = self.failed
        else:
            verdict = Verdict.PASS
        said = (delta, verdict, f"refused {code}")
        self.checks.append(self._judge(said, answer, kind, fields, accepted.words))
        return answer

    async def _try_twin(self, kind: str, fields: Mapping[str, Any]) -> Answer:
        """Ask for the verdict on a twin, once for each."""
        key = f"{kind} {pack(fields)!r}"
        if key not in self._twins:
            self._twins[key] = await self.verify(kind, **fields)
        return self._twins[key]

    def check(
        self,
        what: str,
        *,
        holds: bool,
        expected: str,
        actual: str = "",
        answer: Answer | None = None,
    ) -> None:
        """Note something that the suite has looked at itself, in an answer where there is one."""
        verdict = Verdict.PASS if holds else self.failed
        if answer is not None and answer.error:
            verdict = Verdict.NOT_MEASURED
        said = [actual, answer.words if answer else ""]
        words = ", ".join(filter(None, said))
        client = self.stage.client if self.stage else None
        sent = client.wire[-1] if client and client.wire else ""
        found = Check(what, verdict, expected, words, sent=sent)
        self.checks.append(found if answer is None else with_request(found, answer))

    def need(self, condition: object, why: str) -> None:
        """Go on only where a prerequisite is there.

        Raises:
            NotMeasured: it is not.
        """
        if not condition:
            raise NotMeasured(why)

    @property
    def failed(self) -> Verdict:
        """What a check is that does not hold: a SHOULD only warns."""
        return Verdict.FAIL if self.case.is_must else Verdict.WARN

    @staticmethod
    def _judge(
        check: tuple[str, Verdict, str],
        answer: Answer,
        kind: str,
        fields: Mapping[str, Any],
        twin: str = "",
    ) -> Check:
        request = {"verb": "verify", "kind": kind, **pack(fields)}
        return Check(*check, answer.words, twin, request, answer.seconds)
