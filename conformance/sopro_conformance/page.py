"""The report for people: one file, nothing from outside, failures first."""

import html
from collections.abc import Mapping
from typing import Any, Final

from sopro_conformance.plain import plain

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-weight: 600; padding: .1rem .5rem; border-radius: .25rem; white-space: nowrap;
  color: #fff; background: #57606a; }
.PASS { background: #1a7f37; } .FAIL { background: #b42318; } .NOT-MEASURED { background: #9a3412; }
.WARN { background: #7d6100; } .WAIVED { background: #6e40c9; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .35rem .5rem;
  border-bottom: 1px solid #8884; vertical-align: top; }
td:first-child { white-space: nowrap; } .said { font-size: 1.1rem; }
@media (max-width: 45rem) { .stack tr:first-child { display: none; } .stack tr { display: block;
  border-bottom: 1px solid #8884; padding: .3rem 0; } .stack td { display: inline-block;
  border: 0; padding: .1rem .4rem .1rem 0; } }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .8rem; margin: .5rem 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
article { border: 1px solid #8886; border-radius: .4rem; padding: .5rem 1rem; margin: 1rem 0; }
code { overflow-wrap: anywhere; font-size: .9em; } summary { cursor: pointer; }
@media print { article { break-inside: avoid; } }
"""

_BYTES: Final = frozenset({"Sent", "Adapter", "Seed", "Requirements"})


def write_page(report: Mapping[str, Any]) -> str:
    """Write report.html from what report.json holds."""
    profiles = " + ".join(report["profiles"])
    candidate = report["candidate"]
    name = f"{candidate.get('software', 'unknown software')} {candidate.get('version', '')}"
    word = say_outcome(report)
    red = [one for one in report["cases"] if one["verdict"] not in ("PASS", "N/A")]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Conformance: {_text(name)}, {_text(profiles)}: {word}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{_text(name)}: {_text(profiles)} "
        f'<span class="verdict {"PASS" if report["passed"] else "FAIL"}">{word}</span></h1>',
        f'<p class="said">{_text(_in_words(report))}</p>',
        _profiles(report),
        _summary(report),
        *(["<h2>What is not green</h2>", *map(_article, red)] if red else []),
        '<h2>All cases</h2><table class="stack">',
        "<tr><th>Case<th>Verdict<th>Requirement<th>Clauses<th>Checks</tr>",
        *map(_row, report["cases"]),
        "</table></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _text(value: object) -> str:
    return html.escape(plain(str(value)))


def _terms(pairs: Mapping[str, object]) -> str:
    rows = "".join(f"<dt>{_text(key)}<dd>{_value(key, one)}" for key, one in pairs.items() if one)
    return f"<dl>{rows}</dl>"


def say_outcome(report: Mapping[str, Any]) -> str:
    """Say what came of a run: that all passed, that a part did, or neither."""
    if report["passed"]:
        return "passed"
    return "a part passed" if report["exit_code"] == 0 else "not passed"


def _in_words(report: Mapping[str, Any]) -> str:
    """Say for those who decide what a run is worth to them."""
    total = len(report["cases"])
    counts = report["counts"]
    if report["why"] or not total:
        return f"Nothing can be said of this node: {report['why'] or 'no case was run'}."
    if report["exit_code"] == 0 and not report["whole"]:
        return (
            f"{total} cases were tried and none is red. That is a part of what is asked, and says "
            "nothing of the whole."
        )
    if report["passed"]:
        return f"All {total} cases passed, or are about what this node does not declare."
    parts = [
        f"{number} {words}"
        for number, words in (
            (counts["FAIL"], "found a rule that this node does not keep"),
            (counts["NOT-MEASURED"], "could not be tried, so that nothing is known"),
            (counts["WAIVED"], "waived"),
        )
        if number
    ]
    return (
        f"Of {total} cases {', '.join(parts)}. What follows says of each what was asked, what came "
        "and what was expected; a node may join once a whole run leaves none."
    )


def _profiles(report: Mapping[str, Any]) -> str:
    """Write how many cases of each profile came to which verdict."""
    names = sorted({name for one in report["cases"] for name in one["profiles"]})
    verdicts = [name for name, number in report["counts"].items() if number]
    rows = []
    for name in names:
        found = [one["verdict"] for one in report["cases"] if name in one["profiles"]]
        cells = "".join(f"<td>{found.count(verdict) or ''}" for verdict in verdicts)
        rows.append(f"<tr><td>{_text(name)}<td>{len(found)}{cells}</tr>")
    head = "".join(f"<th>{_text(one)}" for one in verdicts)
    return f"<table><tr><th>Asked of a<th>Cases{head}</tr>{''.join(rows)}</table>" if rows else ""


def _value(key: str, value: object) -> str:
    return f"<code>{_text(value)}</code>" if key in _BYTES else _text(value)


def _summary(report: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in report["counts"].items() if number)
    return _terms(
        {
            "Could not run": report["why"],
            "Cases": counts,
            "Likely cause": report["likely"],
            "Began": f"{report['began']}, {report['seconds']} s",
            "Seed": report["seed"],
            "Adapter": report["adapter"],
            "Requirements": report["requirements"],
        }
    )


def _article(one: Mapping[str, Any]) -> str:
    """Write what a manager can read and an engineer can act on."""
    problems = "".join(
        "<details open>" * (number == 0)
        + "<details>" * (number > 0)
        + f"<summary>{_text(problem['delta'])}</summary>"
        + _terms(
            {
                "Expected": problem["expected"],
                "Actual": problem["actual"],
                "Twin": problem["twin"],
                "Sent": problem["sent"],
            }
        )
        + "</details>"
        for number, problem in enumerate(one["problems"])
    )
    return (
        f'<article id="{_text(one["id"])}"><h3>{_text(one["id"])} '
        f'<span class="verdict {_text(one["found"])}">{_text(one["verdict"])}</span></h3>'
        f"<p>{_text(one['text'])}</p>"
        + _terms(
            {
                "Why": one["why"],
                "Likely cause": one["likely"],
                "Waived": one["waiver"],
                "Clauses": f"{', '.join(one['clauses'])} ({one['level']})",
            }
        )
        + problems
        + _clauses(one["texts"])
        + f"<dl><dt>Replay<dd><code>{_text(one['replay'])}</code>"
        f"<dt>Evidence<dd><code>{_text(one['evidence'])}</code></dl></article>"
    )


def _clauses(texts: Mapping[str, str]) -> str:
    """Write what the clauses say that the case rests on."""
    if not texts:
        return ""
    rows = "".join(f"<dt>{_text(name)}<dd>{_text(text)}" for name, text in texts.items())
    return f"<details><summary>What SPEC.md says</summary><dl>{rows}</dl></details>"


def _row(one: Mapping[str, Any]) -> str:
    return (
        f"<tr><td>{_text(one['id'])}<td><span class='verdict {_text(one['verdict'])}'>"
        f"{_text(one['verdict'])}</span><td>{_text(one['text'])}"
        f"<td>{_text(', '.join(one['clauses']))}<td>{one['checks']}</tr>"
    )
