"""LOG-23: a certificate in the hands of somebody who holds logs of the federation, too."""

from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.epochs import go_on, number_of
from sopro_conformance.cases.judged import new_world
from sopro_conformance.cases.papers import paper_in
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.world.certificate import Paper
from sopro_conformance.world.scene import organisation


def _logs(paper: Paper) -> Any:
    """Return all logs of a world, as they are."""
    given = paper.world.question()["logs"]
    return [{**one, "entries": list(one["entries"])} for one in given]


@case(
    "LOG-23",
    "Who holds logs holds a certificate to them, and goes by what they say beyond it.",
    clauses="CERT-16 CERT-18 EPOCH-9",
    feature="knowledge",
)
async def known(trial: Trial) -> None:
    """Verify certificates beside logs that agree with them, and beside logs that do not."""
    paper = paper_in(trial, "known")
    ending = paper.close()
    question = paper.question(paper.write(ending), logs=_logs(paper))
    valid = {"verdict": "valid"}
    await trial.accepts("certificate", valid, what="beside the same logs", **question)
    # Another history of the log.
    log = paper.log
    other = log.fork(log.size - 1)
    other.append("organisation/1", organisation("at"))
    other.state(paper.world.coordinator)
    forked = [one for one in _logs(paper) if one["origin"] != log.origin] + [other.export()]
    delta = "the log that is held parts from the file's"
    twin = {"logs": question["logs"]}
    await trial.refuses(
        "certificate", "hos.fork", delta=delta, twin=twin, **{**question, "logs": forked}
    )
    await _left_out(trial)
    await _counts_for_nothing(trial)
    await _gone(trial)
    await _another_beginning(trial)
    await _later(trial)


async def _left_out(trial: Trial) -> None:
    """CERT-16: key records are those that are held."""
    paper = paper_in(trial, "a key record")
    paper.log.keys["decision"] = SigningKey(paper.world.source.randbytes(32))
    paper.log.name_keys()
    ending = paper.close()
    some: dict[str, Value] = {"state": b"", "status": b""}
    whole = paper.question(paper.write(ending, **some), logs=_logs(paper))
    less = {**whole, "file": paper.write(ending, key_history=b"", **some)}
    alone = {key: one for key, one in less.items() if key != "logs"}
    unproven = {"verdict": "unproven"}
    what = "without the later key record, beside no logs"
    await trial.accepts("certificate", unproven, what=what, **alone)
    delta = "a key record that is held is left out"
    twin = {"file": whole["file"]}
    await trial.refuses("certificate", "sta.keys", delta=delta, twin=twin, **less)


async def _counts_for_nothing(trial: Trial) -> None:
    """CERT-16: a decision that is held counts there."""
    world = new_world(trial, "counts for nothing")
    paper = Paper(world, world.sites["at"], offering=trial.random.randbytes(16))
    question = paper.question(paper.write(paper.close()), logs=_logs(paper))
    delta = "the log says that the decision counts for nothing"
    twin = {"logs": [world.coordinator.export()]}
    await trial.refuses("certificate", "lbl.reference", delta=delta, twin=twin, **question)


async def _gone(trial: Trial) -> None:
    """CERT-16: the later membership holds, which the file does not have."""
    for what, beyond, code in (
        ("ended before the decision", None, "mem.inactive"),
        ("ended behind what the file shows", 1, ""),
    ):
        paper = paper_in(trial, what)
        file, before = paper.write(paper.close()), _logs(paper)
        size = paper.decisions[0].position if beyond is None else paper.log.size + beyond
        ends: dict[str, Value] = {"origin": paper.log.origin, "size": size}
        paper.world.change_membership("at", status="left", ends=ends)
        paper.world.coordinator.state()
        question = paper.question(file, logs=_logs(paper))
        twin = {"logs": before}
        valid = {"verdict": "valid"}
        await trial.accepts("certificate", valid, what="before it left", **{**question, **twin})
        if code:
            await trial.refuses("certificate", code, delta=what, twin=twin, **question)
        else:
            await trial.accepts("certificate", {"verdict": "unproven"}, what=what, **question)


async def _another_beginning(trial: Trial) -> None:
    """CERT-16, EPOCH-9: a log that continues another is the one with the entry 0 that is named."""
    world = new_world(trial, "another beginning")
    right = go_on(world, "at")
    wrong = go_on(world, "at", is_named=False)
    # The latest membership says nothing of entry 0.
    world.change_membership("at", country="SI")
    world.coordinator.state()
    questions = []
    for log in (right, wrong):
        log.state(world.coordinator)
        paper = Paper(world, log, number=number_of(log))
        file = paper.write(paper.close())
        questions.append(paper.question(file, logs=[world.coordinator.export()]))
    twin, bad = questions
    delta = "begins otherwise than its membership names it"
    await trial.refuses("certificate", "mem.epoch", delta=delta, twin=twin, **bad)


async def _later(trial: Trial) -> None:
    """CERT-18: what was decided beyond the file holds."""
    paper = paper_in(trial, "revoked later")
    old = paper.write(paper.close())
    paper.decide("revoke")
    paper.close()
    question = paper.question(old, logs=_logs(paper))
    gives = {"verdict": "revoked", "as_of": paper.log.time - 1000}
    await trial.accepts("certificate", gives, what="revoked behind the file", **question)
    less: dict[str, Value] = {"state": b"", "status": b""}
    size = paper.log.size
    granted: list[Value] = [paper.prove(paper.decisions[0], size)]
    old = paper.write(paper.decisions[0]._replace(position=size - 1), decisions=granted, **less)
    unproven = {"verdict": "unproven"}
    what = "with a revocation left out, beside no logs"
    await trial.accepts("certificate", unproven, what=what, **paper.question(old))
    question = paper.question(old, logs=_logs(paper))
    what = "with a revocation left out that is held"
    await trial.accepts("certificate", gives, what=what, **question)
    paper = paper_in(trial, "taken over later")
    old = paper.write(paper.close())
    paper.hand_over("hu")
    new = Paper(paper.world, paper.world.sites["hu"], takes=paper)
    new.decide("suspend")
    paper.close()
    new.close()
    question = paper.question(old, logs=_logs(paper))
    gives = {"verdict": "suspended", "as_of": new.log.time - 1000}
    what = "taken over by another site behind the file, and suspended there"
    await trial.accepts("certificate", gives, what=what, **question)
