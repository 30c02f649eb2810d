"""What a run becomes a statement of conformance by (SPEC CONF): its seed, its digests, its body.

The statement is a record in the candidate's own log; this writes what it says, `statement.json`,
and the candidate's software signs it.
"""

import hashlib
import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sopro_conformance import __version__
from sopro_conformance.case import Result, Verdict
from sopro_conformance.report import requirements_digest
from sopro_conformance.runner import Run
from sopro_conformance.vectors import vector_files
from sopro_conformance.wire.codec import encode
from sopro_conformance.wire.tree import Tree, leaf_hash

FORMAT: Final = 1
"""Version of statement.json."""
FILE: Final = "statement.json"
_KINDS: Final = (".py", ".toml", ".json")
_COUNTED: Final = {
    "not_applicable": Verdict.NOT_APPLICABLE,
    "passed": Verdict.PASS,
    "waived": Verdict.WAIVED,
    "warned": Verdict.WARN,
}


def suite_digest() -> bytes:
    """Return the digest of this suite: of every file that a verdict follows from."""
    found: dict[str, bytes] = {}
    with resources.as_file(resources.files(__package__)) as folder:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.suffix in _KINDS and inside.parts[0] != "vectors":
                found[inside.as_posix()] = path.read_bytes()
    found |= {f"vectors/{path.name}": path.read_bytes() for path in vector_files()}
    whole = hashlib.sha256(b"sopro-conformance-suite/1\n")
    for name, data in sorted(found.items()):
        whole.update(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode())
    return whole.digest()


def seed_of(nonce: bytes, site: str, *, began: int) -> str:
    """Return the seed of the run that answers a challenge, and began at so many ms (CONF-3).

    A second run for one challenge asks something else: the report of the first says what is right.
    """
    said = nonce + suite_digest() + began.to_bytes(8, "big") + site.encode()
    return hashlib.sha256(b"sopro-conformance/2\n" + said).hexdigest()


def results_tree(results: list[Result]) -> Tree:
    """Return the tree over the verdicts, in the order of their ids (CONF-3)."""
    ordered = sorted(results, key=lambda one: one.case.id)
    return Tree([leaf_hash(result_leaf(one)) for one in ordered])


def result_leaf(result: Result) -> bytes:
    """Return what a leaf of that tree says."""
    return b"sopro-result/1\n" + encode([result.case.id, result.verdict.value])


def why_none(run: Run) -> str:
    """Say why a run is no ground for a statement; empty where it is one."""
    if run.url:
        return "a run with an address alone says too little"
    if run.why or not run.results:
        return run.why or "nothing was run"
    red = [one.case.id for one in run.results if one.verdict in _RED]
    stale = [one.case.id for one in run.results if one.waiver and one.found is Verdict.PASS]
    if red or stale:
        return f"not all passed: {', '.join(red or stale)}"
    if len([one for one in run.results if one.waiver]) > MOST_WAIVERS:
        return f"more than {MOST_WAIVERS} cases are waived, which no statement can name"
    return ""


MOST_WAIVERS: Final = 64
_RED: Final = (Verdict.FAIL, Verdict.NOT_MEASURED)


def write_statement(run: Run, folder: Path, said: dict[str, Any]) -> dict[str, Any]:
    """Write statement.json beside the report of a run that passed; return the body it holds.

    Args:
        run: that passed.
        folder: with its report.json.
        said: `site`, `nonce` (hex), `runner`, and what there is of `artefact` (hex), `deployment`.
    """
    ended = int((run.began + run.seconds) * 1000)
    features = run.candidate.get("features")
    waivers = [
        {"case": one.case.id, "reason": one.waiver}
        for one in sorted(run.results, key=lambda one: one.case.id)
        if one.waiver
    ]
    body: dict[str, Any] = {
        "artefact": said.get("artefact"),
        "began": round(run.began * 1000),
        "counts": {
            name: sum(one.verdict is verdict for one in run.results)
            for name, verdict in _COUNTED.items()
        },
        "deployment": said.get("deployment"),
        "ended": ended,
        "features": sorted(map(str, features)) if isinstance(features, list) else None,
        "nonce": said["nonce"],
        "profiles": sorted({one.value for one in run.profiles}),
        "report": hashlib.sha256((folder / "report.json").read_bytes()).hexdigest(),
        "requirements": requirements_digest(),
        "results": results_tree(run.results).root().hex(),
        "runner": said["runner"],
        "software": str(run.candidate.get("software") or "unknown"),
        "suite": suite_digest().hex(),
        "suite_version": __version__,
        "valid_until": a_year_after(ended),
        "version": str(run.candidate.get("version") or "unknown"),
        "waivers": waivers,
    }
    body = {name: one for name, one in body.items() if one not in (None, "", [])}
    text = json.dumps(
        {
            "format": FORMAT,
            "family": "conformance_statement/1",
            "bytes": [one for one in _BYTES if one in body],
            "site": said["site"],
            "body": body,
        },
        ensure_ascii=False,
        indent=1,
    )
    (folder / FILE).write_text(text + "\n", "utf-8", "replace")
    return body


_BYTES: Final = ("artefact", "nonce", "report", "requirements", "results", "suite")
"""Fields of the body that are bytes, in hex here."""


def a_year_after(instant: int) -> str:
    """Return the civil date a year after an instant in ms UTC."""
    day = datetime.fromtimestamp(instant / 1000, UTC).date()
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return day.replace(year=day.year + 1).isoformat()
