"""What a case works with: the candidate, the world, a source of randomness, and its checks.

The rules that hold for every case are here, so that no case can forget one: a hostile input counts
only beside a twin that was accepted in the same session (twin rule) and where the candidate gives
the code that SPEC.md names (reason rule); and questions that need nothing but bytes are asked in an
order nobody can know (module `questions`).
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sopro_conformance.adapter import Adapter, Answer, pack
from sopro_conformance.case import Case, Check, NotMeasured, Verdict
from sopro_conformance.questions import Judge, Put, Question, Questions
from sopro_conformance.world.client import Client, wait_until
from sopro_conformance.world.padding import word
from sopro_conformance.world.scene import Scene


def with_request(check: Check, answer: Answer) -> Check:
    """Return a check with what the adapter was asked, where somebody has to look at it.

    Whole logs are large, and what passed can be tried again by its seed.
    """
    if check.verdict is Verdict.PASS:
        return check
    return replace(check, request=answer.request, seconds=answer.seconds)


@dataclass
class Trial:
    """A case being tried.

    Attributes:
        case: which.
        candidate: its adapter.
        seed: all randomness of the case follows from it and the case's id.
        questions: about bytes alone, and who judges them.
        origin: of a log that is in nothing but questions about bytes.
        now: POSIX seconds there.
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

    def __post_init__(self) -> None:
        """Start the case's own randomness."""
        own = f"{self.seed}/{self.case.id}"
        self.random = random.Random(own)  # noqa: S311  # repeatable
        self.questions = Questions(own)
        apart = random.Random(f"{own}/names")  # noqa: S311  # repeatable
        self.origin = f"{word(apart)}.sopro.example/at/1"
        self.now = 1_790_000_000 + apart.randrange(10**7)

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

    def ask(self, judge: Judge, *questions: Question) -> None:
        """Have questions asked once the case has put all of its own, and their answers judged.

        Checks stand in the order in which this is called, whenever the answers come.

        Args:
            judge: is given the answers, in the order of the questions.
            questions: of `question`.
        """
        self.questions.put.append(Put(len(self.checks), judge, questions))

    def question(self, kind: str, **fields: Any) -> Question:
        """Put a question about bytes, as they are now; it is asked once the case has put all."""
        return self.questions.add(kind, fields)

    async def accepts(
        self, kind: str, gives: Mapping[str, Any] | None = None, *, what: str, **fields: Any
    ) -> None:
        """Have an input checked that is accepted, and gives what the suite has computed itself."""
        wanted = pack(dict(gives or {}))
        expected = f"accepted {wanted}" if wanted else "accepted"

        def judge(answer: Answer) -> None:
            if answer.error:
                verdict = Verdict.NOT_MEASURED
            elif answer.ok is None or any(answer.ok.get(key) != one for key, one in wanted.items()):
                verdict = self.failed
            else:
                verdict = Verdict.PASS
            self._note(Check(what, verdict, expected, answer.words), answer)

        self.ask(judge, self.question(kind, **fields))

    async def refuses(
        self,
        kind: str,
        code: str,
        *,
        delta: str,
        twin: Mapping[str, Any],
        **fields: Any,
    ) -> None:
        """Have an input checked that is refused for its one difference from an accepted twin.

        Args:
            kind: of input.
            code: that SPEC.md names; several, separated by spaces, where it leaves a choice.
            delta: the difference.
            twin: the fields of the twin that are others; those it does not name are the input's.
            fields: of the input.
        """

        def judge(accepted: Answer, answer: Answer) -> None:
            if accepted.ok is None or answer.error:
                verdict = Verdict.NOT_MEASURED
            elif answer.ok is not None or answer.code not in code.split():
                verdict = self.failed
            else:
                verdict = Verdict.PASS
            check = Check(delta, verdict, f"refused {code}", answer.words, accepted.words)
            self._note(check, answer)

        other = self.questions.add(kind, {**fields, **twin}, once=True)
        self.ask(judge, other, self.question(kind, **fields))

    def _note(self, check: Check, answer: Answer) -> None:
        """Note a check of one answer, with all that was asked."""
        self.checks.append(replace(check, request=answer.request, seconds=answer.seconds))

    def judge(self) -> None:
        """Have every answer judged, and what was asked again: checks stand as they were put.

        Raises:
            NotMeasured: what a judge needed was missing; all others have judged.
        """
        noted, self.checks = self.checks, []
        place, missing = 0, None
        for put in self.questions.put:
            self.checks += noted[place : put.place]
            place, mark = max(place, put.place), len(self.checks)
            try:
                put.judge(*(one.answer for one in put.questions))
            except NotMeasured as why:
                missing = missing or why
            numbers = [one.number for asked in put.questions for one in asked.answers]
            self.checks[mark:] = [replace(one, asked=numbers) for one in self.checks[mark:]]
        self.checks += noted[place:]
        self._compare()
        if missing is not None:
            raise missing

    def _compare(self) -> None:
        """Check that what was asked twice was answered twice in the same way."""
        again = [one for one in self.questions.all if len(one.answers) > 1]
        if not again:
            return
        shown = next((one for one in again if not one.is_same_again), again[0])
        if any(answer.error for one in again for answer in one.answers):
            verdict = Verdict.NOT_MEASURED
        else:
            verdict = Verdict.PASS if shown.is_same_again else self.failed
        words = " and then ".join(one.words for one in shown.answers)
        check = Check("questions asked twice", verdict, "the same answers", words)
        numbers = [answer.number for one in again for answer in one.answers]
        self.checks.append(with_request(replace(check, asked=numbers), shown.answers[-1]))

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
