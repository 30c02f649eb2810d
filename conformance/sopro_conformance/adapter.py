"""The candidate behind its adapter: one request a line out, one answer a line in.

Everything that comes back is hostile: lines are bounded, answers are due in time, and whatever
else the adapter does ends as `Answer.error`, never as an error of the suite.
"""

import asyncio
import base64
import contextlib
import json
import math
import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sopro_conformance.forms import find_flaw
from sopro_conformance.plain import spell_all

MAX_LINE: Final = 8 * 1024 * 1024
"""The longest answer that is read, in bytes; all entries of a log are large."""
MAX_STRAY: Final = 1024 * 1024
"""So many bytes of its stdout may answer nothing, in all."""

DUE: Final[Mapping[str, float]] = {
    "hello": 30,
    "start": 60,
    "stop": 30,
    "admit": 30,
    "append": 60,
    "sync": 60,
    "erase": 30,
    "backup": 60,
    "restore": 60,
    "logs": 60,
}
"""Seconds in which a verb is answered, where it is not `DUE_OTHERWISE` (conformance/README.md)."""
DUE_OTHERWISE: Final = 10.0
PATIENCE: Final = 3
"""After so many requests without an answer nothing more is asked: a run has an end."""
_ESCAPES: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""Where in a line there may be what is no character."""
_KEPT: Final = 200
_LONGEST_REMARK: Final = 500
_LONGEST_CODE: Final = 100
_PER_LINE: Final = 64
"""So many bytes is the work of reading a line worth, though it be empty."""
_LAST_WORDS: Final = 1.0
"""Seconds in which a process that has closed its stdout ends and says why."""


@dataclass(frozen=True)
class Answer:
    """What the adapter answered: exactly one of `ok`, `code` and `error` says how.

    Attributes:
        ok: what the verb gives.
        code: of the rule that refuses the input.
        message: words beside it.
        error: why there is no verdict.
        seconds: until the answer was there.
        request: that it answers, as it was sent but for its id; empty where nothing was sent.
        number: id of this request; 0 where nothing was sent.
    """

    ok: Mapping[str, Any] | None = None
    code: str = ""
    message: str = ""
    error: str = ""
    seconds: float = 0.0
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)
    number: int = 0

    @property
    def words(self) -> str:
        """Say it in one line."""
        if self.ok is not None:
            return f"accepted {json.dumps(_shorten(self.ok))}"
        if self.code:
            return f"refused {self.code} ({self.message[:200]})"
        return f"no verdict: {self.error[:300]}"


def _shorten(value: Any) -> Any:
    text = json.dumps(value)
    return value if len(text) <= 400 else text[:400]


@dataclass
class Adapter:
    """An adapter process.

    Attributes:
        command: as a shell would split it; no shell runs it.
        deadline: by how much every due time is multiplied, for slow machines.
        stderr: the last lines it wrote there.
    """

    command: str
    deadline: float = 1.0
    stderr: list[str] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _waiting: dict[int, asyncio.Future[Answer]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _last: int = 0
    _unanswered: int = 0
    _why_gone: str = ""
    _stray: int = 0
    _astray: str = ""

    async def open(self) -> None:
        """Start the process; where that fails, every answer says why."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *shlex.split(self.command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MAX_LINE,
            )
        except (OSError, ValueError) as error:
            self._why_gone = f"the adapter does not start: {error}"
            return
        self._tasks = [
            asyncio.create_task(self._read_answers(self._process)),
            asyncio.create_task(self._read_stderr(self._process)),
        ]

    async def close(self) -> None:
        """End the process: its stdin ends, and after five seconds it is killed."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def process_id(self) -> int | None:
        """Of the adapter, for measuring its memory."""
        return self._process.pid if self._process else None

    async def ask(self, verb: str, **fields: Any) -> Answer:
        """Ask; bytes become base64. There is always an answer."""
        if self._why_gone:
            return Answer(error=self._why_gone)
        self._last += 1
        number = self._last
        request = {"verb": verb, **{key: pack(one) for key, one in fields.items()}}
        due = DUE.get(str(fields.get("kind", verb)), DUE_OTHERWISE) * self.deadline
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        began = time.perf_counter()
        try:
            answer = await asyncio.wait_for(self._exchange({"id": number, **request}, future), due)
            self._unanswered = 0
        except TimeoutError:
            answer = Answer(error=f"no answer to {verb} within {due:.2g} seconds{self._astray}")
            self._unanswered += 1
            if self._unanswered == PATIENCE:
                self._why_gone = f"the adapter left {PATIENCE} requests in a row unanswered"
        finally:
            self._waiting.pop(number, None)
        seconds = time.perf_counter() - began
        return replace(answer, seconds=seconds, request=request, number=number)

    async def _exchange(self, request: Mapping[str, Any], future: asyncio.Future[Answer]) -> Answer:
        if self._process is None or self._process.stdin is None:
            return Answer(error="the adapter was never started")
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
        except (OSError, RuntimeError) as error:
            # Mostly it has ended; then it is said how.
            await asyncio.wait(self._tasks[:1], timeout=_LAST_WORDS)
            return Answer(error=self._why_gone or f"the adapter takes no requests: {error}")
        return await future

    async def _read_answers(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None, "as it was started"  # noqa: S101
        try:
            while line := await process.stdout.readline():
                self._take(line)
                if self._stray > MAX_STRAY:
                    why = f"the adapter wrote more than {MAX_STRAY} bytes that answer no request"
                    why += f" (words for people go to stderr){self._astray}"
                    break
            else:
                why = await self._last_words(process)
        except ValueError:
            why = f"the adapter wrote a line of more than {MAX_LINE} bytes"
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        self._why_gone = why
        for future in self._waiting.values():
            if not future.done():
                future.set_result(Answer(error=why))

    def _take(self, line: bytes) -> None:
        """Give an answer to whoever waits for it; a line that answers nobody only counts."""
        message, future = None, None
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            message = json.loads(line, parse_constant=str, parse_float=_number)
            future = self._waiting.get(message["id"])
        if message is None or future is None:
            self._stray += len(line) + _PER_LINE
            self._astray = f"; the last line that answers no request: {line[:80]!r}"
        elif not future.done():
            with_escapes = _ESCAPES.search(line) is not None
            future.set_result(read_answer(spell_all(message) if with_escapes else message))

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        """Say how a process ended that has closed its stdout, and what it said last."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _LAST_WORDS)
            await asyncio.wait(self._tasks[1:], timeout=_LAST_WORDS)
        code = process.returncode
        how = "has closed its stdout" if code is None else f"has ended (exit status {code})"
        words = next((one for one in reversed(self.stderr) if one), "")
        return f"the adapter {how}" + (f"; its last words: {words!r}" if words else "")

    async def _read_stderr(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last lines; one without an end is cut, and nobody waits for it."""
        assert process.stderr is not None, "as it was started"  # noqa: S101
        rest = b""
        while piece := await process.stderr.read(64 * 1024):
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[:_LONGEST_REMARK]
            self.stderr += [_remark(one) for one in lines]
            del self.stderr[:-_KEPT]
        if rest:
            self.stderr.append(_remark(rest))


def _remark(line: bytes) -> str:
    return line[:_LONGEST_REMARK].decode("utf-8", "replace").rstrip()


def read_answer(message: Mapping[str, Any]) -> Answer:
    """Read the three forms of an answer; anything else is none."""
    match message:
        case {"ok": dict() as given}:
            flaw = find_flaw(given)
            return Answer(error=flaw) if flaw else Answer(ok=given)
        case {"reject": {"code": str() as code, **rest}} if code:
            words = str(rest.get("message", ""))[:_LONGEST_REMARK]
            return Answer(code=code[:_LONGEST_CODE], message=words)
        case {"error": error}:
            return Answer(error=str(error)[:_LONGEST_REMARK] or "an error without words")
    return Answer(error="an answer with none of ok, reject (with a code) and error")


def _number(text: str) -> float | str:
    """Read a number; one beyond all numbers stays the text it is."""
    return number if math.isfinite(number := float(text)) else text[:_LONGEST_CODE]


def pack(value: Any) -> Any:
    """Write a value as the adapter protocol does: bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: pack(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [pack(one) for one in value]
    return value


def unpack(value: object) -> bytes | None:
    """Read base64; None where it is none."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        return None
