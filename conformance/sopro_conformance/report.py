"""What is left of a run: report.json, report.html, junit.xml, badge.svg, and evidence per case."""

import hashlib
import html
import json
import re
import xml.etree.ElementTree as ET  # it is written, never read
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sopro_conformance.case import Case, Check, Result, Verdict
from sopro_conformance.catalogue import CASES
from sopro_conformance.clauses import clause_text, clause_texts
from sopro_conformance.evidence import MOST_SHOWN, SHOWN, write, write_evidence
from sopro_conformance.page import say_outcome, write_page
from sopro_conformance.picture import (
    Matrix,
    find_causes,
    name_checks,
    read_matrix,
    say_causes,
    say_likely,
)
from sopro_conformance.plain import plain
from sopro_conformance.replay import say_replay
from sopro_conformance.runner import Run

_SENT: Final = 600
_CODE: Final = re.compile(r"\b[a-z]+\.[a-z-]+\b")
FORMAT: Final = 1
"""Version of report.json; a reader refuses another."""


def write_report(run: Run, folder: Path) -> dict[str, Any]:
    """Write all files of a run and return what report.json holds."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in run.results:
        write_evidence(run, one, folder / "evidence" / one.case.id)
    report = build(run)
    text = json.dumps(report, ensure_ascii=False, indent=1)
    write(folder / "report.json", text + "\n")
    write(folder / "report.html", write_page(report))
    (folder / "junit.xml").write_bytes(_junit(run))
    write(folder / "badge.svg", _badge(report))
    return report


def build(run: Run) -> dict[str, Any]:
    """Return the report as JSON has it."""
    counts = Counter(one.verdict.value for one in run.results)
    matrix = read_matrix()
    checks = name_checks(run.results)
    return {
        "format": FORMAT,
        "passed": run.exit_code == 0 and run.is_whole,
        "whole": run.is_whole,
        "exit_code": run.exit_code,
        "why": run.why,
        "likely": say_causes(find_causes(checks, checks, matrix), matrix),
        "profiles": [one.value for one in run.profiles],
        "requirements": requirements_digest(),
        "seed": run.seed,
        "adapter": run.command,
        "url": run.url,
        "candidate": dict(run.candidate),
        "began": datetime.fromtimestamp(run.began, UTC).isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 2),
        "counts": {one.value: counts[one.value] for one in Verdict},
        "cases": [_case(run, one, matrix) for one in run.results],
        "stderr": list(run.stderr)[-50:],
    }


def requirements_digest() -> str:
    """Return the digest of what is required of whom: ids, clauses, profiles, levels."""
    lines = [
        f"{one.id} {'MUST' if one.is_must else 'SHOULD'} {' '.join(sorted(one.profiles))} "
        f"{' '.join(one.clauses)}\n"
        for one in sorted(CASES.values(), key=lambda one: one.id)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _case(run: Run, result: Result, matrix: Matrix) -> dict[str, Any]:
    one = result.case
    return {
        "id": one.id,
        "text": one.text,
        "level": "MUST" if one.is_must else "SHOULD",
        "clauses": list(one.clauses),
        "texts": {name: clause_text(name) for name in _clauses(result)}
        if _is_shown(result)
        else {},
        "profiles": sorted(one.profiles),
        "verdict": result.verdict.value,
        "found": result.found.value,
        "why": result.why,
        "likely": say_likely(result, run.results, matrix),
        "waiver": result.waiver,
        "seconds": round(result.seconds, 3),
        "replay": replay(run, one),
        "evidence": f"evidence/{one.id}",
        "checks": len(result.checks),
        "problems": [_problem(check) for check in result.checks if check.verdict in SHOWN][
            :MOST_SHOWN
        ],
    }


def _clauses(result: Result) -> list[str]:
    """Return the clauses of a case, those first that name the codes that were expected."""
    expected = result.worst.expected if result.worst else ""
    codes = [f"`{one}`" for one in _CODE.findall(expected)]
    named = {
        name
        for name in result.case.clauses
        if any(code in clause_texts().get(name, "") for code in codes)
    }
    return sorted(result.case.clauses, key=lambda name: name not in named)


def _problem(check: Check) -> dict[str, Any]:
    return {
        "verdict": check.verdict.value,
        "delta": check.delta,
        "expected": check.expected,
        "actual": check.actual,
        "twin": check.twin,
        "sent": _sent(check),
    }


def _is_shown(result: Result) -> bool:
    return result.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)


def _sent(check: Check) -> str:
    """Say what the candidate was asked, in one line."""
    if not check.request:
        return check.sent
    text = json.dumps(check.request, ensure_ascii=False)
    return text if len(text) <= _SENT else f"{text[:_SENT]} ... ({len(text)} characters)"


def replay(run: Run, one: Case) -> str:
    """Return the command that tries one case again with the same bytes."""
    return say_replay(
        one,
        run.setting,
        seed=run.seed,
        profiles=run.profiles,
        adapter=run.command,
        url=run.url,
    )


def _junit(run: Run) -> bytes:
    suites = ET.Element("testsuites", name="sopro-conformance", time=f"{run.seconds:.2f}")
    groups = dict.fromkeys(one.case.group for one in run.results)
    for group in groups:
        chosen = [one for one in run.results if one.case.group == group]
        suite = ET.SubElement(suites, "testsuite", name=group, tests=str(len(chosen)))
        red = [one for one in chosen if one.verdict in (Verdict.FAIL, Verdict.NOT_MEASURED)]
        suite.set("failures", str(len(red)))
        for one in chosen:
            name = f"{one.case.id} {one.case.text}"
            test = ET.SubElement(
                suite, "testcase", classname=group, name=name, time=f"{one.seconds:.3f}"
            )
            if one in red:
                failure = ET.SubElement(test, "failure", type=one.verdict.value)
                failure.set("message", plain(one.why or _first(one)))
                failure.text = plain(_say(run, one))
            elif one.verdict is not Verdict.PASS:
                ET.SubElement(test, "system-out").text = plain(_say(run, one))
    if run.why:
        broken = ET.SubElement(suites, "testsuite", name="run", tests="1", failures="1")
        test = ET.SubElement(broken, "testcase", classname="run", name="hello")
        ET.SubElement(test, "failure", type="NOT-MEASURED", message=plain(run.why))
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text


def _first(result: Result) -> str:
    worst = result.worst
    return f"{worst.delta}: expected {worst.expected}, {worst.actual}" if worst else result.why


def _say(run: Run, result: Result) -> str:
    """Write what an engineer needs of a case that is not green."""
    worst = result.worst
    lines = [f"{result.case.id}  {result.verdict}  {', '.join(result.case.clauses)}"]
    if result.why:
        lines.append(f"Why       {result.why}")
    if worst is not None:
        lines.append(f"Delta     {worst.delta}")
        if _sent(worst):
            lines.append(f"Sent      {_sent(worst)}")
        lines.append(f"Expected  {worst.expected}")
        lines.append(f"Actual    {worst.actual}")
        if worst.twin:
            lines.append(f"Twin      {worst.twin}")
    if likely := say_likely(result, run.results, read_matrix()):
        lines.append(f"Likely    {likely}")
    lines += [f"{name}  {clause_text(name)}" for name in _clauses(result) if clause_text(name)]
    return plain("\n".join([*lines, f"Replay    {replay(run, result.case)}"]))


say_case = _say


def _badge(report: dict[str, Any]) -> str:
    """Draw what a run was worth; it claims nothing that report.json does not."""
    left = "SoPro conformance"
    profiles = "+".join(report["profiles"])
    right = f"{profiles}: {say_outcome(report)}"
    colour = "#1a7f37" if report["passed"] else "#b42318"
    widths = [10 + 7 * len(one) for one in (left, right)]
    middle = [widths[0] / 2, widths[0] + widths[1] / 2]
    title = html.escape(f"{left}, {right}, {report['began'][:10]}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sum(widths)}" height="20" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{widths[0]}" height="20" fill="#444"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,sans-serif" font-size="11">'
        f'<text x="{middle[0]}" y="14">{left}</text>'
        f'<text x="{middle[1]}" y="14">{html.escape(right)}</text></g></svg>\n'
    )
