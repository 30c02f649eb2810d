"""The `sopro-conformance` command."""

import argparse
import asyncio
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sopro_conformance import options, terminal
from sopro_conformance.case import Result, Verdict
from sopro_conformance.doctor import AilingError, examine
from sopro_conformance.plain import plain
from sopro_conformance.replay import DEFAULT_PROFILE
from sopro_conformance.report import say_case, write_report
from sopro_conformance.runner import (
    EXIT_FAILED,
    EXIT_NOT_MEASURED,
    EXIT_PASSED,
    Address,
    Run,
    choose,
    run,
)
from sopro_conformance.self_test import (
    CandidatesError,
    Trial,
    build_matrix,
    read_candidates,
    try_all,
    unproven,
    write_matrix,
)
from sopro_conformance.standing import stand
from sopro_conformance.statement import FILE as STATEMENT
from sopro_conformance.statement import seed_of, suite_digest, why_none, write_statement
from sopro_conformance.terminal import say
from sopro_conformance.trace import find_gaps, put_table
from sopro_conformance.world.memory import Memory, WrongMemoryError, read_memory, write_memory

_DESCRIPTION = "Tells whether a node may join a SoPro federation."
_RED = (Verdict.FAIL, Verdict.NOT_MEASURED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (conformance/README.md)."""
    terminal.prepare()
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.work(chosen))
    except KeyboardInterrupt:
        sys.stderr.write("\nsopro-conformance: interrupted, nothing is said of the candidate\n")
        return EXIT_NOT_MEASURED
    except (OSError, WrongMemoryError, options.WrongOptionError) as error:
        sys.stderr.write(f"sopro-conformance: {error}\n")
        return EXIT_NOT_MEASURED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sopro-conformance", description=_DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("run", help="hold a candidate to a profile")
    who = one.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--adapter", type=options.command, help="its command, as a shell would split it"
    )
    who.add_argument("--url", type=options.url, help="only what can be seen at its address")
    one.add_argument(
        "--profile",
        default=None,
        type=options.profiles,
        help="one, or several joined by +; reader, and with --url publisher, where absent",
    )
    one.add_argument(
        "--case",
        action="append",
        default=[],
        type=options.case_or_group,
        help="only this case or group",
    )
    one.add_argument("--seed", default="", help="of an earlier run, to repeat its bytes")
    one.add_argument("--out", default="conformance-out", type=Path, help="where the report goes")
    one.add_argument(
        "--waive",
        action="append",
        default=[],
        type=options.waiver,
        metavar="CASE=REASON",
        help="count a case as waived; it stays red in a statement",
    )
    one.add_argument(
        "--patience",
        default=1.0,
        type=options.patience,
        help="multiply all deadlines, for slow machines",
    )
    one.add_argument("--long", action="store_true", help="try for minutes what else takes seconds")
    one.add_argument("--ca", default="", help="with --url: PEM file that certifies the node")
    one.add_argument(
        "--public-only", action="store_true", help="with --url: call public addresses only"
    )
    one.add_argument(
        "--connect-to",
        type=options.address,
        metavar="ADDRESS",
        help="with --url: the IP address to call, whatever the name in the URL leads to",
    )
    one.add_argument(
        "--memory", type=Path, help="with --url: file of what was seen there on other days"
    )
    stated = one.add_argument_group("for a statement of conformance (SPEC CONF)")
    stated.add_argument("--nonce", type=options.nonce, help="the coordinator's challenge")
    stated.add_argument("--site", type=options.site, help="code of the site it was given to")
    stated.add_argument("--artefact", type=Path, help="the software, as its builder publishes it")
    stated.add_argument("--deployment", default="", help="how it was set up, in one line")
    stated.add_argument(
        "--runner", choices=("self", "coordinator", "third_party"), help="who runs; self, if absent"
    )
    one.set_defaults(work=_run)
    first = commands.add_parser("doctor", help="say what keeps an adapter from being tried")
    first.add_argument("--adapter", type=options.command, required=True, help="its command")
    first.add_argument("--profile", default="reader", type=options.profiles, help="as for run")
    first.add_argument("--patience", default=1.0, type=options.patience, help="as for run")
    first.set_defaults(work=_examine)
    mutants = commands.add_parser("self-test", help="try the suite on nodes with known faults")
    mutants.add_argument("--candidates", required=True, type=Path, help="with candidates.toml")
    mutants.add_argument("--whole", action="store_true", help="all cases against every mutant")
    mutants.add_argument("--only", action="append", default=[], help="only this candidate")
    mutants.add_argument(
        "--matrix", type=Path, help="with --whole: file of who fails what, brought up to date"
    )
    mutants.set_defaults(work=_self_test)
    trace = commands.add_parser("trace", help="write which cases test which clause of SPEC.md")
    trace.add_argument("--spec", required=True, type=Path, help="SPEC.md, changed in place")
    trace.set_defaults(work=_trace)
    world = commands.add_parser("world", help="keep the federation around a candidate running")
    world.add_argument(
        "--members", default=3, type=options.members, help="so many besides the coordinator"
    )
    world.add_argument("--invite", default="invite.json", type=Path, help="where its invite goes")
    world.add_argument("--seed", default="world", help="from which keys and records follow")
    world.set_defaults(work=_stand)
    digest = commands.add_parser("digest", help="say which suite this is")
    digest.set_defaults(work=_digest)
    many = commands.add_parser("cases", help="list the cases, with their clauses")
    many.add_argument("--profile", default="coordinator+witness", type=options.profiles)
    many.set_defaults(work=_list)
    return parser


def _run(chosen: argparse.Namespace) -> int:
    options.check_run(chosen)
    seed, began = chosen.seed, time.time_ns() // 1_000_000
    if chosen.nonce:
        seed = seed_of(bytes.fromhex(chosen.nonce), chosen.site, began=began)
    address = None
    if chosen.url:
        memory = read_memory(chosen.memory) if chosen.memory else Memory()
        address = Address(
            chosen.url,
            chosen.ca,
            chosen.public_only,
            chosen.connect_to or "",
            memory=memory,
            memory_file=str(chosen.memory or ""),
        )
    done = asyncio.run(
        run(
            chosen.adapter or "",
            chosen.profile or [DEFAULT_PROFILE[bool(chosen.url)]],
            seed=seed or secrets.token_hex(8),
            began=began / 1000,
            names=chosen.case,
            waivers=dict(chosen.waive),
            deadline=chosen.patience,
            tell=_tell,
            address=address,
            is_long=chosen.long,
        )
    )
    done.setting = replace(done.setting, out=str(chosen.out))
    # One of an earlier run would speak of a report that is not there any more.
    (chosen.out / STATEMENT).unlink(missing_ok=True)
    report = write_report(done, chosen.out)
    if address is not None and chosen.memory:
        write_memory(address.memory, chosen.memory)
    for one in done.results:
        # What holds for all of them alike is said once.
        if one.verdict in _RED and not (done.why and one.why == done.why):
            say("\n" + say_case(done, one))
    nothing = "nothing ran: none of these cases can be tried with an address alone"
    why = done.why if done.results else nothing
    for what, words in (("Likely    ", report["likely"]), ("", why)):
        if words:
            say(f"\n{what}{plain(words)}")
    say(_close(done, report["counts"]) + f"; report: {chosen.out / 'report.html'}")
    if chosen.nonce:
        say(_state(done, chosen))
    return done.exit_code


def _state(done: Run, chosen: argparse.Namespace) -> str:
    """Write the statement where there is ground for one; say what became of it."""
    file = chosen.out / STATEMENT
    why = why_none(done)
    if why:
        return f"no statement: {why}"
    artefact = hashlib.sha256(chosen.artefact.read_bytes()).hexdigest() if chosen.artefact else ""
    said = {
        "site": chosen.site,
        "nonce": chosen.nonce,
        "runner": chosen.runner or "self",
        "artefact": artefact,
        "deployment": chosen.deployment,
    }
    body = write_statement(done, chosen.out, said)
    return (
        f"statement: {file}, in force until {body['valid_until']}; put it into the site's log "
        "(conformance/README.md says how) and tell the coordinator its position"
    )


def _examine(chosen: argparse.Namespace) -> int:
    async def examine_all() -> None:
        async for line in examine(chosen.adapter, chosen.profile, chosen.patience):
            say(plain(line))

    try:
        asyncio.run(examine_all())
    except AilingError as error:
        say(plain(f"not right    {error}"))
        return EXIT_NOT_MEASURED
    say("the adapter can be tried: sopro-conformance run")
    return EXIT_PASSED


def _digest(_chosen: argparse.Namespace) -> int:
    say(suite_digest().hex())
    return 0


def _stand(chosen: argparse.Namespace) -> int:
    options.check_place("--invite", chosen.invite)
    asyncio.run(stand(chosen.members, chosen.invite, chosen.seed))
    return 0


def _tell(result: Result) -> None:
    number = len(result.checks)
    say(
        f"{result.case.id:7} {result.verdict:12} {number:4} checks {result.seconds:6.2f} s  "
        f"{result.case.text}"
    )


def _close(done: Run, counts: dict[str, int]) -> str:
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no case"
    return f"\n{'+'.join(done.profiles)}: {said}; seed {done.seed}"


def _self_test(chosen: argparse.Namespace) -> int:
    if chosen.matrix and not chosen.whole:
        raise options.WrongOptionError("--matrix goes with --whole: it says who fails what of all")
    try:
        candidates = read_candidates(chosen.candidates, chosen.only)
    except CandidatesError as error:
        sys.stderr.write(f"sopro-conformance: {error}\n")
        return EXIT_NOT_MEASURED
    trials = try_all(candidates, whole=chosen.whole, tell=_tell_trial)
    wrong = [one for one in trials if one.problems]
    say(f"\n{len(trials) - len(wrong)} of {len(trials)} as they have to be")
    if chosen.whole and chosen.matrix is not None:
        before = json.loads(chosen.matrix.read_text("utf-8")) if chosen.matrix.is_file() else {}
        text = json.dumps(before | build_matrix(trials), indent=1)
        chosen.matrix.write_text(text + "\n", "utf-8")
    if chosen.whole:
        names = ", ".join(unproven(trials)) or "none"
        say(f"cases that no mutant has failed: {names}")
    return EXIT_FAILED if wrong else EXIT_PASSED


def _tell_trial(one: Trial) -> None:
    say(write_matrix([one]))


def _trace(chosen: argparse.Namespace) -> int:
    spec = chosen.spec.read_text("utf-8")
    chosen.spec.write_text(put_table(spec), "utf-8")
    gaps = find_gaps(spec)
    for name in gaps:
        say(f"{name}: a MUST with neither a case nor a reason")
    return EXIT_FAILED if gaps else EXIT_PASSED


def _list(chosen: argparse.Namespace) -> int:
    for one in choose(chosen.profile):
        level = "MUST" if one.is_must else "SHOULD"
        profiles = "+".join(sorted(one.profiles))
        say(f"{one.id:7} {level:6} {profiles:16} {one.text}  [{', '.join(one.clauses)}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
