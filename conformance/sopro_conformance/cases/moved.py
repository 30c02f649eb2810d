"""LOG-21: certificates of labels that have come from another log."""

from typing import Any, Final

from sopro_conformance.case import case
from sopro_conformance.cases.epochs import begin_next, closing
from sopro_conformance.cases.papers import paper_in
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.certificate import Paper
from sopro_conformance.world.sitelog import SiteLog, Written

MOST_NESTED: Final = 8


def _moved(trial: Trial, name: str, *, stages: int = 2) -> list[Paper]:
    """Hand a label over from site to site, and return it in each of its logs."""
    papers = [paper_in(trial, name)]
    world = papers[0].world
    while len(papers) < stages:
        site = "hu" if papers[-1].log.site == "at" else "at"
        papers[-1].hand_over(site)
        papers.append(Paper(world, world.sites[site], takes=papers[-1]))
    return papers


def _nest(papers: list[Paper]) -> bytes:
    """Write the file of a label with those of the logs before inside one another."""
    world = papers[0].world
    closed = {log.site: _close(papers, log) for log in (world.sites["at"], world.sites["hu"])}
    file = b""
    for one in papers:
        file = one.write(closed[one.log.site], before=file)
    return file


def _close(papers: list[Paper], log: SiteLog) -> Written:
    return next(one for one in papers if one.log is log).close()


@case(
    "LOG-21",
    "A certificate of a label that has come from another log proves both halves.",
    clauses="CERT-13 EPOCH-7 XFER-4",
)
async def taken_over(trial: Trial) -> None:
    """Verify labels that were handed over, with and without the file of before."""
    old, new = _moved(trial, "handed over")
    before, after = old.close(), new.close()
    whole = old.write(before)
    twin = new.question(new.write(after, before=whole))
    gives = {"verdict": "valid", "number": new.number}
    await trial.accepts("certificate", gives, what="with the file of before", **twin)
    gone = {"verdict": "transferred"}
    await trial.accepts("certificate", gone, what="the file of before", **old.question(whole))
    for what, file in (
        ("without the file of before", new.write(after)),
        (
            "with a file of before that has no status",
            new.write(after, before=old.write(before, status=b"", state=b"")),
        ),
        (
            "without a status of its own",
            new.write(after, before=whole, status=b"", state=b""),
        ),
    ):
        await trial.accepts("certificate", {"verdict": "unproven"}, what=what, **new.question(file))
    other = Paper(old.world, old.log)
    other.hand_over("hu")
    strange = other.write(other.close())
    for delta, code, inner in (
        ("with the file of another label", "lbl.reference", strange),
        ("with a file of before that is none", "cert.form enc.framing enc.truncated", b"\xc1"),
    ):
        bad = {**twin, "file": new.write(after, before=inner)}
        await trial.refuses("certificate", code, delta=delta, twin=twin, **bad)
    granted = Paper(old.world, old.log)
    bad = {**twin, "file": granted.write(granted.close(), before=whole)}
    delta = "with a file of before, though it was granted here"
    await trial.refuses("certificate", "lbl.reference", delta=delta, twin=twin, **bad)
    questions = []
    for stages in (MOST_NESTED, MOST_NESTED + 1):
        papers = _moved(trial, f"{stages} files", stages=stages)
        questions.append(papers[-1].question(_nest(papers)))
    await trial.accepts(
        "certificate", {"verdict": "valid"}, what="eight files inside one another", **questions[0]
    )
    await trial.refuses(
        "certificate",
        "cert.form",
        delta="nine files inside one another",
        twin=questions[0],
        **questions[1],
    )
    await _orphaned(trial)
    await _continued(trial)


def _taken(trial: Trial, *, named: bool = True, beyond: int = 0, late: bool = False) -> Any:
    """Let `at` leave and `hu` take a label over; return what is asked about it."""
    old = paper_in(trial, f"orphaned {named} {beyond} {late}")
    world = old.world
    before = old.close()
    size = old.log.size + beyond
    changes: dict[str, Value] = {"successor": "hu"} if named else {}
    if late:
        size = old.decisions[-1].position
    ends: dict[str, Value] = {"origin": old.log.origin, "size": size}
    world.change_membership("at", status="left", ends=ends, **changes)
    world.coordinator.state()
    world.sites["hu"].state(world.coordinator)
    new = Paper(world, world.sites["hu"], takes=old)
    return new.question(new.write(new.close(), before=old.write(before)))


async def _orphaned(trial: Trial) -> None:
    """CERT-13: nobody handed the label over, because its site has left."""
    twin = _taken(trial)
    valid = {"verdict": "valid"}
    await trial.accepts("certificate", valid, what="of a site that has left", **twin)
    unproven = {"verdict": "unproven"}
    what = "the file of before does not reach its end"
    await trial.accepts("certificate", unproven, what=what, **_taken(trial, beyond=1))
    delta = "by a site that was not named to look after it"
    bad = _taken(trial, named=False)
    await trial.refuses("certificate", "lbl.reference", delta=delta, twin=twin, **bad)
    delta = "decided beyond the end of its log"
    bad = _taken(trial, late=True)
    await trial.refuses("certificate", "mem.inactive", delta=delta, twin=twin, **bad)


def _brought(trial: Trial, what: str, *, beyond: int = 0, late: bool = False) -> Any:
    """Have a site go on in another log, and take a label over from the closed one."""
    old = paper_in(trial, what)
    world, before = old.world, old.close()
    size = old.decisions[-1].position if late else old.log.size + beyond
    log = begin_next(world, old.log, size=size)
    ends: dict[str, Value] = {"origin": old.log.origin, "size": size}
    world.change_membership("at", **closing(old.log, log) | {"ends": ends})
    world.coordinator.state()
    log.state(world.coordinator)
    new = Paper(world, log, takes=old)
    return new.question(new.write(new.close(), before=old.write(before)))


async def _continued(trial: Trial) -> None:
    """CERT-13: nobody handed the label over, because its log was closed and goes on in another."""
    twin = _brought(trial, "continued")
    valid, unproven = {"verdict": "valid"}, {"verdict": "unproven"}
    await trial.accepts("certificate", valid, what="from a log that was closed", **twin)
    what = "the file of a closed log does not reach its end"
    await trial.accepts("certificate", unproven, what=what, **_brought(trial, what, beyond=1))
    delta = "decided in a closed log beyond its end"
    bad = _brought(trial, delta, late=True)
    await trial.refuses("certificate", "mem.inactive", delta=delta, twin=twin, **bad)
