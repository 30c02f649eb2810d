"""LOG-40 to LOG-42: a candidate that starts again from a copy older than what it has published."""

from typing import Any

from sopro_conformance.case import case
from sopro_conformance.cases.forked import evidence_of, why_no_proof
from sopro_conformance.cases.past import ENTRIES, VERBS, WITHIN, Past, holds_all, past
from sopro_conformance.trial import Trial
from sopro_conformance.wire.ed25519 import SigningKey
from sopro_conformance.wire.note import sign_text, write_note, write_text
from sopro_conformance.world.client import words
from sopro_conformance.world.copies import Copy, copy_log
from sopro_conformance.world.scene import CANDIDATE


@case(
    "LOG-40",
    "A node that starts from an old copy signs nothing before others have said what it has signed.",
    clauses="FENCE-1 FENCE-2 FENCE-3 FENCE-4 FENCE-8",
    profiles="peer",
    verbs=VERBS,
    apart=True,
)
async def fenced(trial: Trial) -> None:
    """Put a backup in place: nobody answers, others know more, others heal it."""
    async with past(trial) as held:
        await held.put_back()
        held.show(None)
        await held.scene.ask("start")
        code, _ = await held.append()
        held.signs_nothing("while nobody answers", code, "fence.asking")
        await held.serves_reads("while nobody answers")
        await _strangers(held)
        held.show(held.new)
        held.lie(held.own + ENTRIES)
        code, _ = await held.appends(["fence.asking"])
        held.signs_nothing("while others show a larger head", code, "fence.behind")
        await held.scene.ask("kill9")
        held.show(None)
        await held.scene.ask("start")
        code, _ = await held.append()
        held.signs_nothing("started again, while nobody answers", code, "fence.behind")
        held.show(held.new)
        code, indexes = await held.appends(["fence.asking", "fence.behind"])
        trial.check(
            "a record, once others serve what it has lost",
            holds=not code,
            expected="appended",
            actual=f"refused {code}" if code else "as expected",
        )
        if not code:
            await holds_all(held, held.new, indexes, "where it lies")


async def _strangers(held: Past) -> None:
    """Show heads that are no answer: one that somebody else has signed, and one of nothing."""
    origin, size = held.old.origin, held.old.size
    stranger = SigningKey(held.trial.random.randbytes(32))
    text = write_text(origin, size, held.old.tree.root())
    forged = write_note(text, [sign_text(text, origin, stranger)])
    for server in held.scene.servers().values():
        server.behave()
        server.logs.pop(held.own, None)
    held.lie(f"{held.own}/.*", forged)
    # Discovery would be an answer: that nothing is held.
    held.lie("/.well-known/.*")
    marks = held.marks()
    reached = await held.was_asked(marks, f"{held.own}/checkpoint")
    held.trial.need(reached, "nobody was asked for the candidate's own head")
    code, _ = await held.append()
    held.signs_nothing("while others show a head that a stranger signed", code, "fence.asking")


@case(
    "LOG-41",
    "A node that learns of a second history of its own log keeps both and signs no more.",
    clauses="FENCE-3 FENCE-6 EXCH-6 EVID-10",
    profiles="peer",
    verbs=f"{VERBS} stop evidence",
    apart=True,
)
async def two_histories(trial: Trial) -> None:
    """Hide from an old copy what was published, let it sign, and show it afterwards."""
    async with past(trial) as held:
        second = await _sign_again(held)
        held.show(held.new)
        # In good order: what it signed last need not be on its disk otherwise (FENCE-1).
        await held.scene.ask("stop")
        await held.scene.ask("start")
        code, _ = await held.appends(["fence.asking", "fence.behind"])
        held.signs_nothing("once the other history is shown", code, "fence.forked")
        await _is_kept(held, "at once")
        await held.scene.ask("kill9")
        held.show(None)
        await held.scene.ask("start")
        code, _ = await held.appends(["fence.asking"])
        held.signs_nothing("started again, while nobody answers", code, "fence.forked")
        await _is_kept(held, "after a kill")
        await _abandon(held, second)


async def _sign_again(held: Past) -> Copy:
    """Put the old copy in place among nodes that know no more, and return what it signs then."""
    await held.put_back()
    held.show(held.old)
    await held.scene.ask("start")
    code, indexes = await held.appends(["fence.asking"])
    held.trial.need(not code, f"it does not sign although all answers are on its disk ({code})")
    second = await copy_log(held.client)
    size = held.old.size + 1
    held.trial.need(
        min(indexes) < held.new.size and second.tree.root(size) != held.new.tree.root(size),
        "the record came to lie where no second history begins",
    )
    return second


async def _is_kept(held: Past, when: str) -> None:
    """Check that it holds evidence of its own two histories, and says so to everybody."""
    files = await evidence_of(held.scene, held.old.origin)
    problems = [why_no_proof(one, held.old.origin, held.old.log_key()) for one in files]
    served = await held.client.ask("/evidence")
    held.trial.check(
        f"evidence of its own two histories, {when}",
        holds=bool(files) and not any(problems) and held.old.origin.encode() in served.body,
        expected="a file with both heads, named at /evidence",
        actual=f"{len(files)} files {[one for one in problems if one]}, {words(served)[:120]}",
    )


async def _abandon(held: Past, second: Copy) -> None:
    """Have the coordinator abandon the history that is not on the disk, and look for more."""
    scene = held.scene
    abandoned: list[Any] = [{"root": held.new.tree.root(), "size": held.new.size}]
    scene.world.change_membership(CANDIDATE, abandoned=abandoned)
    held.show(second)
    await scene.publish()
    code, indexes = await held.appends(["fence.forked", "fence.asking", "fence.behind"])
    held.trial.check(
        "a record, once the other history is abandoned",
        holds=not code,
        expected="appended",
        actual=f"refused {code}" if code else "as expected",
    )
    if not code:
        await holds_all(held, second, indexes, "where it lies")


@case(
    "LOG-42",
    "A node that hears that another process has extended its log stops signing.",
    clauses="FENCE-7 SYNC-8",
    profiles="peer",
    verbs=VERBS,
    apart=True,
)
async def doubled(trial: Trial) -> None:
    """Hide from an old copy what was published, and tell of it once all have answered."""
    async with past(trial) as held:
        await held.put_back()
        held.show(held.old)
        marks = held.marks()
        await held.scene.ask("start")
        for name in marks:
            reached = await held.was_asked({name: marks[name]}, f"{held.own}/checkpoint")
            trial.need(reached, f"{name} was never asked for the candidate's own head")

        async def listens() -> bool:
            return all(one.listeners for one in held.scene.servers().values())

        await trial.within(listens, WITHIN, "it listens to the events of everybody")
        marks = held.marks()
        held.show(held.new)
        for server in held.scene.servers().values():
            await server.announce(held.new)
        await held.was_asked(marks, held.own + ENTRIES)
        code, indexes = await held.append()
        is_behind = bool(indexes) and min(indexes) >= held.new.size
        trial.check(
            "a record, once others tell of what it has not signed",
            holds=code in ("fence.double", "fence.behind") or is_behind,
            expected="refused fence.double or fence.behind, or behind what the other has signed",
            actual=f"refused {code}" if code else f"appended at {list(indexes)}",
        )
        await held.scene.ask("kill9")
        await held.scene.ask("start")
        code, indexes = await held.appends(["fence.asking", "fence.behind"])
        trial.need(not code, f"it does not sign once it is started again ({code})")
        await holds_all(held, held.new, indexes, "a record, once it is started again")
