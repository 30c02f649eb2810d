"""What a candidate says and was asked takes so much room and no more, in memory and on disk."""

import json
import random
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sopro_conformance.adapter import MAX_LINE, MAX_STRAY, Adapter, Answer
from sopro_conformance.case import CASES, Check, NotMeasured, Profile, Result, Verdict
from sopro_conformance.evidence import write_evidence
from sopro_conformance.room import OF_A_CASE, OF_A_RUN, OF_WHAT_PASSED, WORDS, Room, size_of
from sopro_conformance.runner import Run
from sopro_conformance.world.client import Client
from sopro_conformance.world.scene import Scene

FALSE = Path(__file__).parents[1] / "mutants" / "knows_nothing.py"
MEBIBYTE = 1024 * 1024
MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
"""
"""Said by a small process, because a child is given the most that its parent had when it began."""


def check(size: int, verdict: Verdict = Verdict.FAIL, what: str = "a delta") -> Check:
    request = {"verb": "verify", "kind": "logs", "logs": ["x" * size]}
    return Check(what, verdict, "expected", "actual", request=request)


def kept(*checks: Check, room: Room | None = None) -> list[Check]:
    result = Result(CASES["ENC-02"], list(checks), 0.1)
    (room or Room()).keep(result)
    return result.checks


@pytest.mark.slow
@pytest.mark.parametrize("how", ["accept all"])
def test_who_answers_anything_costs_no_more_than_who_is_right(how: str, tmp_path: Path) -> None:
    """A run took 1,400 MiB and wrote 190 MiB once."""
    adapter = shlex.join([sys.executable, str(FALSE), how])
    command = [sys.executable, "-m", "sopro_conformance.main", "run", "--adapter", adapter]
    measured = [sys.executable, "-c", MEASURE, *command, "--out", str(tmp_path / "out")]
    done = subprocess.run(measured, capture_output=True, check=True)
    code, kibibytes = map(int, done.stdout.split()[-2:])
    assert code in (1, 2)
    assert kibibytes < 250 * 1024
    written = sum(one.stat().st_size for one in (tmp_path / "out").rglob("*"))
    assert written < OF_A_RUN * 1.5 + 10 * MEBIBYTE


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("endless", f"wrote a line of more than {MAX_LINE} bytes"),
        ("floods", f"wrote more than {MAX_STRAY} bytes that answer no request"),
        ("last words", "has ended (exit status 7); its last words: 'no licence'"),
    ],
)
async def test_why_an_adapter_is_asked_no_more_is_said(how: str, why: str) -> None:
    adapter = Adapter(shlex.join([sys.executable, str(FALSE), how]))
    await adapter.open()
    try:
        first = await adapter.ask("hello", protocol=1)
        later = await adapter.ask("verify", kind="value", bytes=b"x" * 100)
    finally:
        await adapter.close()
    assert why in first.error
    assert later == Answer(error=first.error), "nothing was asked any more"


async def test_what_is_long_in_an_answer_is_cut() -> None:
    said = json.dumps({"code": "c" * 9000, "message": "m" * 9000})
    says = Path(__file__).parent / "says.py"
    adapter = Adapter(shlex.join([sys.executable, str(says), "{}", said]))
    await adapter.open()
    try:
        answer = await adapter.ask("verify", kind="value", bytes=b"")
    finally:
        await adapter.close()
    assert len(answer.code) + len(answer.message) < 1000
    assert len(answer.words) < 1000


async def test_a_log_without_an_end_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sopro_conformance.world.client.MOST_OF_A_LOG", 100_000)
    scene = Scene(Adapter(""), random.Random(5))
    await scene.open()
    try:
        large, small = await scene.new_peer(1000), await scene.new_peer(5)
        clients = [Client(one.server.url, one.origin) for one in (large, small)]
        with pytest.raises(NotMeasured, match="more than 100000 bytes of entries"):
            await clients[0].read()
        assert (await clients[1].read()).size == small.log.size
    finally:
        for one in clients:
            await one.close()
        await scene.close()


def test_what_does_not_fit_is_named_with_its_size() -> None:
    [one] = kept(check(OF_A_CASE))
    assert one.request == {
        "verb": "verify",
        "kind": "logs",
        "cut": f"{size_of(check(OF_A_CASE).request)} bytes, which are not kept; "
        "the replay command asks them again",
    }


def test_what_is_red_is_kept_before_what_is_green() -> None:
    large, small = OF_WHAT_PASSED + 1, OF_A_CASE // 2 - 1000
    found = kept(check(large, Verdict.PASS), check(small), check(small), check(small))
    assert ["cut" in one.request for one in found] == [True, False, False, True]


def test_all_cases_share_one_room() -> None:
    room = Room(left=2 * OF_A_CASE)
    found = [kept(check(OF_A_CASE - 1000), room=room)[0] for _ in range(4)]
    assert ["cut" in one.request for one in found] == [False, False, True, True]


def test_a_request_counts_once_and_is_written_once(tmp_path: Path) -> None:
    first = check(OF_A_CASE - 1000)
    checks = [Check(f"{n}", Verdict.FAIL, "e", "a", request=first.request) for n in range(50)]
    result = Result(CASES["ENC-02"], checks, 0.1)
    Room().keep(result)
    run = Run([Profile.READER], "5", "adapter")
    run.results.append(result)
    write_evidence(run, result, tmp_path)
    lines = (tmp_path / "checks.jsonl").read_text().splitlines()
    requests = [json.loads(one)["request"] for one in lines]
    assert requests[0] == first.request
    assert requests[1:] == [{"as_in_line": 1}] * 49
    script = (tmp_path / "repro.sh").read_text()
    assert script.count('"verb"') == 1
    assert "\n1. 0: expected e\n1. 1: expected e\n" in script
    assert len(repr(run)) < 1000, "asyncio writes out what a run returns"


def test_words_have_an_end() -> None:
    long = "x" * (WORDS + 1)
    [one] = kept(Check(long, Verdict.FAIL, long, long, long, sent=long))
    ends = {text[WORDS:] for text in (one.delta, one.expected, one.actual, one.twin, one.sent)}
    assert ends == {f" ... (cut after {WORDS} characters)"}
