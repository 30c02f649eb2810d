"""LBL-42: who answers a complaint, and who ends an appeal."""

from typing import Final

from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import new_world
from sopro_conformance.cases.panels import (
    DAY,
    DECIDES,
    FIRST,
    SECOND,
    Appealed,
    employ,
    have_appealed,
)
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import World
from sopro_conformance.world.sitelog import Written

STRANGER: Final = b"nobody before..."
NAME: Final = b"Maria Huber"
"""No pseudonym, which has 16 bytes."""
TOOK_PART: Final = ("decided", "reviewed", "assessed", "suspended")
WAYS: Final = {
    "investigating": ("acknowledged",),
    "dismissed": ("acknowledged",),
    "upheld": ("acknowledged", "investigating"),
    "closed": ("acknowledged", "dismissed"),
}
"""What goes before each step of an answer that judges (COMPL-2)."""


def _prepare(world: World) -> Appealed:
    """Have a label granted, suspended and appealed against; know one of its holder's people."""
    found = have_appealed(world)
    found.people["suspended"] = world.source.randbytes(16)
    found.decide(world, "suspend", found.people["suspended"])
    found.people["worked for the holder of"] = employ(world, found.log, found.holder, "2024-02-25")
    return found


class _Answering:
    """Answers to complaints about one label, each about another complaint."""

    def __init__(self, world: World, found: Appealed) -> None:
        self.world, self.found = world, found

    def answer(self, step: str, person: bytes, *, before: tuple[str, ...] = ()) -> Written:
        """Take the steps before as a stranger, and the last as somebody; empty names nobody."""
        log, entity = self.found.log, self.world.source.randbytes(16)
        index = log.size
        for one in (*before, step):
            who = person if one == step else STRANGER
            body: dict[str, Value] = {
                "complaint": bytes(32),
                "effective_date": DAY,
                "index": index,
                "label": self.found.granted.entity,
                "origin": self.world.sites["hu"].origin,
                "step": one,
            }
            named: dict[str, Value] = {"person": who} if who else {}
            written = log.append("complaint_answer/1", body | named, entity=entity)
        return written


@case(
    "LBL-42",
    "Nobody answers a complaint, or ends an appeal, who has had a part in what it is about.",
    clauses="COMPL-6 COMPL-7 COMPL-8",
)
async def partial(trial: Trial) -> None:
    """Have answered and ended by everybody who had a part, and by somebody who had none."""
    await _answers(trial)
    await _panels(trial)
    await _endings(trial)


async def _answers(trial: Trial) -> None:
    world = new_world(trial, "answers")
    found = _prepare(world)
    desk = _Answering(world, found)
    bench = Bench(trial, world, found.log)
    for what, person in found.people.items():
        for step, before in WAYS.items():
            bench.is_void(
                f"{step} by who has {what} the label",
                "ass.duties",
                desk.answer(step, person, before=before),
                twin=desk.answer(step, STRANGER, before=before),
            )
        bench.counts(
            f"acknowledged by who has {what} the label", desk.answer("acknowledged", person)
        )
    for step, before in WAYS.items():
        bench.counts(f"{step} by nobody named", desk.answer(step, b"", before=before))
    free = employ(world, found.log, found.holder, "2024-02-24")
    bench.counts(
        "dismissed by who has worked for the holder until two years and a day ago",
        desk.answer("dismissed", free, before=("acknowledged",)),
    )
    bench.is_void(
        "acknowledged by a name",
        "rec.body",
        desk.answer("acknowledged", NAME),
        twin=desk.answer("acknowledged", STRANGER),
    )
    await bench.judge()


def _appeal(world: World, found: Appealed, *panel: bytes) -> Appealed:
    """Have another appeal received, and a panel named where there is one."""
    other = found._replace(appeal=world.source.randbytes(16))
    other.step("received")
    if panel:
        other.step("panel", panel=list(panel))
    return other


async def _panels(trial: Trial) -> None:
    world = new_world(trial, "panels")
    found = _prepare(world)
    bench = Bench(trial, world, found.log)
    own = found.people["worked for the holder of"]
    free = employ(world, found.log, found.holder, "2024-02-24")
    bench.is_void(
        "a panel of who has worked for the holder until two years ago",
        "ass.duties",
        _appeal(world, found).step("panel", panel=[own]),
        twin=_appeal(world, found).step("panel", panel=[free]),
    )
    await bench.judge()


async def _endings(trial: Trial) -> None:
    world = new_world(trial, "endings")
    found = _prepare(world)
    bench = Bench(trial, world, found.log)
    for what, person in found.people.items():
        bench.is_void(
            f"withdrawn before there is a panel, by who has {what} the label",
            "ass.duties",
            _appeal(world, found).step("withdrawn", person=person),
            twin=_appeal(world, found).step("withdrawn", person=STRANGER),
        )
    bench.counts("withdrawn by nobody named", _appeal(world, found).step("withdrawn"))
    for step in ("withdrawn", *DECIDES):
        bench.is_void(
            f"{step} by who is not on the panel",
            "ass.duties",
            _appeal(world, found, FIRST, SECOND).step(step, person=STRANGER),
            twin=_appeal(world, found, FIRST, SECOND).step(step, person=SECOND),
        )
    for step, more in (("received", {}), ("panel", {"panel": [FIRST]})):
        named: dict[str, Value] = {"person": FIRST}
        fresh = found._replace(appeal=world.source.randbytes(16))
        plain = found._replace(appeal=world.source.randbytes(16))
        for one in (fresh, plain) if step == "panel" else ():
            one.step("received")
        bench.is_void(
            f"{step} that names who records it",
            "ass.duties",
            fresh.step(step, **more, **named),
            twin=plain.step(step, **more),
        )
    later = _appeal(world, found, FIRST, SECOND)
    found.decide(world, "correct", FIRST)
    bench.is_void(
        "withdrawn by one of the panel who has decided on the label since",
        "ass.duties",
        later.step("withdrawn", person=FIRST),
        twin=later.step("withdrawn", person=SECOND),
    )
    await bench.judge()
