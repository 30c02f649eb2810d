"""From a challenge to an admission: a run, its statement, the site's log, the coordinator."""

import asyncio
import hashlib
import json
import shlex
import sys
import sysconfig
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sopro_cli.conforming import read_statement
from sopro_conformance import __version__
from sopro_conformance.case import CASES, Check, Profile, Result, Verdict
from sopro_conformance.main import main
from sopro_conformance.report import write_report
from sopro_conformance.runner import Run, run
from sopro_conformance.statement import (
    FILE,
    a_year_after,
    result_leaf,
    results_tree,
    seed_of,
    suite_digest,
    why_none,
    write_statement,
)
from sopro_conformance.wire.tree import leaf_hash
from sopro_node import admission, memberships, office
from sopro_protocol.errors import VerificationError
from sopro_protocol.merkle import check_inclusion
from sopro_registry.families import conformance_statement
from tests.node.conftest import COORDINATOR, Federation

ROOT = Path(__file__).parents[2]
OURS = f"{Path(sysconfig.get_path('scripts')) / 'sopro'} adapter"
MUTE = shlex.join(
    [sys.executable, str(ROOT / "tests" / "mutants" / "knows_nothing.py"), "refuse all"]
)
NONCE = bytes(range(32))


def result(name: str, verdict: Verdict, waiver: str = "") -> Result:
    return Result(CASES[name], [Check("x", verdict, "a", "b")], 0.1, waiver=waiver)


def finished(*results: Result, **fields: Any) -> Run:
    run = Run([Profile.READER], "5", "adapter", began=1_790_000_000.0, seconds=60.0, **fields)
    run.results += results
    run.candidate = {"software": "ours", "version": "1", "features": ["b", "a"]}
    return run


PASSED = result("ENC-01", Verdict.PASS)
WAIVED = result("ENC-02", Verdict.FAIL, "our library is old")
SAID = {"site": "at", "nonce": NONCE.hex(), "runner": "self", "artefact": "", "deployment": ""}


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (finished(PASSED), ""),
        (finished(WAIVED, PASSED), ""),
        (finished(PASSED, result("ENC-03", Verdict.WARN)), ""),
        (finished(PASSED, result("ENC-03", Verdict.FAIL)), "not all passed: ENC-03"),
        (finished(PASSED, result("ENC-03", Verdict.NOT_MEASURED)), "not all passed: ENC-03"),
        (finished(result("ENC-02", Verdict.PASS, "old")), "not all passed: ENC-02"),
        (finished(), "nothing was run"),
        (finished(PASSED, why="no hello"), "no hello"),
        (finished(PASSED, url="http://at.example"), "a run with an address alone says too little"),
    ],
)
def test_only_a_whole_run_that_passed_is_ground_for_a_statement(run: Run, why: str) -> None:
    assert why_none(run) == why


def test_a_statement_says_what_the_run_was_and_counts_in_a_log(tmp_path: Path) -> None:
    run = finished(WAIVED, PASSED)
    write_report(run, tmp_path)
    write_statement(run, tmp_path, SAID)
    said = json.loads((tmp_path / FILE).read_text())
    values = said["body"] | {name: bytes.fromhex(said["body"][name]) for name in said["bytes"]}
    body = msgspec.convert(values, conformance_statement.Body, builtin_types=(bytes,))
    assert conformance_statement.check_body(body)
    assert (body.nonce, body.runner, body.software) == (NONCE, "self", "ours")
    assert body.report == hashlib.sha256((tmp_path / "report.json").read_bytes()).digest()
    assert (body.counts.passed, body.counts.waived) == (1, 1)
    assert body.features == ["a", "b"]
    assert [one.case for one in body.waivers or ()] == ["ENC-02"]
    assert conformance_statement.seed_of(body, site="at").hex() == seed_of(
        NONCE, "at", began=1_790_000_000_000
    )


async def test_what_one_run_says_is_right_is_no_answer_in_the_next() -> None:
    """Its report names what was expected; a second run for the same challenge asks otherwise."""
    asked: list[set[str]] = []
    for began in (1, 2):
        seed = seed_of(NONCE, "at", began=began)
        done = await run(MUTE, [Profile.READER], seed=seed, names=["SIG-01"])
        checks = [check for one in done.results for check in one.checks if check.request]
        asked.append({str(check.request) for check in checks})
    assert len(asked[0]) > 1
    assert not asked[0] & asked[1]


def test_one_verdict_can_be_shown_with_a_proof() -> None:
    results = [result(name, Verdict.PASS) for name in ("SIG-01", "ENC-02", "ENC-01", "LOG-08")]
    tree = results_tree(results)
    leaf = leaf_hash(result_leaf(results[0]))
    proof, where = tree.inclusion(3, 4), {"root": tree.root(), "index": 3, "size": 4}
    check_inclusion(leaf, proof=proof, **where)
    failed = leaf_hash(result_leaf(result("SIG-01", Verdict.WARN)))
    with pytest.raises(VerificationError):
        check_inclusion(failed, proof=proof, **where)


@pytest.mark.parametrize(
    ("instant", "day"),
    [(1_790_000_060_000, "2027-09-21"), (1_709_200_000_000, "2025-02-28")],
)
def test_a_statement_is_in_force_for_a_year(instant: int, day: str) -> None:
    assert a_year_after(instant) == day


def test_the_suite_has_one_version_and_one_digest() -> None:
    project = tomllib.loads((ROOT / "conformance" / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert suite_digest() == suite_digest()
    assert len(suite_digest()) == 32


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nonce", "ab"), "expected 64 hexadecimal digits"),
        (("--nonce", "ab" * 32), "--nonce goes with --site"),
        (("--site", "at"), "--site goes with --nonce"),
        (("--nonce", "ab" * 32, "--site", "at", "--case", "ENC-01"), "is whole"),
        (("--nonce", "ab" * 32, "--site", "at", "--seed", "5"), "is whole"),
    ],
)
def test_a_run_that_answers_a_challenge_is_whole(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["run", "--adapter", "none", "--out", str(tmp_path), *arguments])
    except SystemExit as error:
        code = int(str(error.code))
    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / FILE).exists()


async def _join(federation: Federation) -> str:
    """Have the site ask for admission; return its challenge in hex."""
    coordinator = federation.served[COORDINATOR]
    known = coordinator.node.invite
    assert known is not None
    invite = {name: getattr(known, name) for name in known.__struct_fields__}
    invite["urls"] = [coordinator.url]
    answer = await admission.join(federation.served["at"].node, {"invite": invite})
    return str(answer["nonce"])


@pytest.mark.slow
async def test_a_challenge_a_run_a_statement_an_admission(tmp_path: Path) -> None:
    federation = Federation(tmp_path / "federation")
    try:
        await federation.coordinator()
        at = await federation.begin("at", "AT")
        node = federation.served[COORDINATOR].node
        node.settings = replace(node.settings, admit_profiles=("reader",))
        out = tmp_path / "out"
        arguments = ["--adapter", OURS, "--profile", "reader", "--out", str(out)]
        challenge = ["--nonce", await _join(federation), "--site", "at"]
        assert await asyncio.to_thread(main, ["run", *arguments, *challenge]) == 0
        said = read_statement(out)
        draft = {"family": "conformance_statement", "values": said["body"]}
        [stated] = (await office.append(at.node, {"drafts": [draft]}))["outcomes"]
        await memberships.admit(node, {"site": "at", "statement": stated["index"]})
        member = node.holdings.directory.membership("at")
        assert member is not None
        assert (member.conformance, member.conformance_until) == (
            stated["entry_id"],
            said["body"]["valid_until"],
        )
    finally:
        await federation.close()
