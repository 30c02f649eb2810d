"""LBL-31 and LBL-35: the table of transitions and that of needed fields, tried whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sopro_conformance.adapter import Answer
from sopro_conformance.case import case
from sopro_conformance.cases.bench import Bench
from sopro_conformance.cases.judged import new_world
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import Value
from sopro_conformance.world.federation import SCHEME, World, status_of
from sopro_conformance.world.sitelog import SiteLog, Written

FIRST: Final = "2026-01-10"
"""The day of every first decision."""
ENDED: Final = "2026-01-20"
"""The end of validity of what is to be expired by then."""
THEN: Final = "2026-02-10"
"""The day of every later decision."""
UNTIL: Final = "2027-01-31"
ASKED: Final = "2026-03-15"

ACTIONS: Final = (
    "grant",
    "refuse",
    "renew",
    "extend_scope",
    "reduce_scope",
    "suspend",
    "reinstate",
    "revoke",
    "terminate_on_request",
    "transfer_in",
    "transfer_out",
    "correct",
)
_ENDS: Final = {
    "revoke": "revoked",
    "terminate_on_request": "terminated",
    "transfer_out": "transferred",
}
_AGAIN: Final = {"reinstate": "active", "revoke": "revoked", "terminate_on_request": "terminated"}
TABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "none": {"grant": "active", "refuse": "refused", "transfer_in": "active"},
    "active": {
        "renew": "active",
        "extend_scope": "active",
        "reduce_scope": "active",
        "suspend": "suspended",
        "correct": "active",
        **_ENDS,
    },
    "suspended": {
        "renew": "suspended",
        "reinstate": "active",
        "correct": "suspended",
        **_ENDS,
    },
    "expired": {"renew": "active", "correct": "expired"},
    "revoked": {"correct": "revoked"},
    "terminated": {"correct": "terminated"},
    "refused": {"correct": "refused"},
    "transferred": {},
}
"""What follows from a status and an action (LBL-13); what is not here is refused."""
IMPORTED: Final[Mapping[str, Mapping[str, str]]] = {
    "suspended": {"suspend": "suspended"},
    "expired": _AGAIN,
    "revoked": _AGAIN,
    "terminated": _AGAIN,
}
"""What follows where it is imported, too."""
WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "none": (),
    "active": ("grant",),
    "suspended": ("grant", "suspend"),
    "expired": ("grant",),
    "revoked": ("grant", "revoke"),
    "terminated": ("grant", "terminate_on_request"),
    "refused": ("refuse",),
    "transferred": ("grant", "transfer_out"),
}
"""How a label gets to a status."""


@dataclass
class Labels:
    """Labels of one site, all for one offering.

    Attributes:
        world: whose they are.
        log: of the site.
        offering: what they are for.
        given: so many numbers were given.
    """

    world: World
    log: SiteLog = field(init=False)
    offering: bytes = field(init=False)
    given: int = 0

    def __post_init__(self) -> None:
        """Describe what is labelled."""
        self.log = self.world.sites["at"]
        self.offering = self.world.offer(self.log)

    def begin(self, basis: str, status: str = "none") -> "Label":
        """Bring a new label into a status."""
        self.given += 1
        label = Label(self, f"SOPRO/AT0/003/{self.given:06}", basis)
        for action in WAYS[status]:
            changes: dict[str, Value] = {}
            if status == "expired" and action == "grant":
                changes["valid_until"] = ENDED
            label.decide(label.body(action, **changes))
        return label


@dataclass
class Label:
    """One of them."""

    labels: Labels
    number: str
    basis: str
    entity: bytes = b""
    last: Written | None = None

    def body(self, action: str, **changes: Value) -> dict[str, Value]:
        """Return the body of a decision with all that its action needs."""
        day = THEN if self.last else FIRST
        body = self.labels.world.decision(action, self.number, basis=self.basis)
        body |= {"decided_on": day, "effective_date": day}
        if action in ("grant", "refuse", "transfer_in"):
            body |= {"offering": self.labels.offering, "scheme": SCHEME}
        if action in ("grant", "renew", "transfer_in"):
            body |= {"valid_from": day, "valid_until": UNTIL}
        if action == "grant":
            body["status_index"] = self.labels.log.grants
        if action == "transfer_out" and self.basis == "assessed":
            body |= {"receiver": "hu", "receiver_entity": self.labels.log.source.randbytes(16)}
        return body | changes

    def decide(self, body: Mapping[str, Value], *, counts: bool = True) -> Written:
        """Append a decision; it is said whether it counts, since grants are numbered."""
        self.labels.log.grants += counts and body.get("action") == "grant"
        self.last = self.labels.log.append("label_decision/1", body, entity=self.entity)
        self.entity = self.last.entity
        return self.last


@case(
    "LBL-35",
    "A label lives by the whole table, whether the site decides or an old register.",
    clauses="LBL-11 LBL-13 LBL-14 VOID-1",
)
async def life(trial: Trial) -> None:
    """Take every action after every status, assessed and imported, and look what follows."""
    for basis in ("assessed", "imported"):
        world = new_world(trial, basis)
        labels = Labels(world)
        bench = Bench(trial, world, labels.log)
        wanted: dict[str, tuple[str, str]] = {}
        twins: dict[str, Written] = {}
        refused: list[tuple[str, str, Written]] = []
        for status, steps in TABLE.items():
            legal = {**steps, **(IMPORTED.get(status, {}) if basis == "imported" else {})}
            for action in ACTIONS:
                label = labels.begin(basis, status)
                written = label.decide(label.body(action), counts=action in legal)
                what = f"{action} of a label that is {status}, {basis}"
                if action in legal:
                    bench.counts(what, written)
                    twins.setdefault(action, written)
                else:
                    refused.append((what, action, written))
                wanted[label.number] = (what, legal.get(action, status))
        for what, action, written in refused:
            bench.is_void(what, "lbl.transition", written, twin=twins[action])

        def judge(answer: Answer, wanted: Mapping[str, tuple[str, str]] = wanted) -> None:
            for number, (what, status) in wanted.items():
                # A label without a decision that counts is none.
                found = status_of(answer.ok, number) or "none"
                trial.check(
                    f"{what}: the status",
                    holds=answer.ok is not None and found == status,
                    expected=status,
                    actual=found,
                    answer=answer,
                )

        await bench.judge(judge)


_ALL: Final = ("certificate", "decided_on", "decider", "effective_date")
_OFFERED: Final = ("offering", "scheme")
_VALID: Final = ("valid_from", "valid_until")
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "grant": (*_ALL, *_OFFERED, *_VALID, "status_index"),
    "refuse": (*_ALL[1:], *_OFFERED, "reason_code"),
    "renew": (*_ALL, *_VALID),
    "extend_scope": _ALL,
    "reduce_scope": (*_ALL, "reason_code"),
    "suspend": (*_ALL, "reason_code", "suspended_until"),
    "reinstate": _ALL,
    "revoke": (*_ALL, "reason_code", "appeal_until"),
    "terminate_on_request": (*_ALL, "reason_code"),
    "transfer_in": (*_ALL, *_OFFERED, *_VALID),
    "transfer_out": (*_ALL, "receiver", "receiver_entity"),
    "correct": _ALL,
}
"""Which fields an assessed decision needs, by its action (LBL-8)."""
ALWAYS: Final = ("certificate", *_OFFERED, "status_index")
"""Of these, those that an imported one needs, too."""


def _from(action: str) -> str:
    """Return a status from which an action goes on."""
    return next(status for status, steps in TABLE.items() if action in steps)


@case(
    "LBL-31",
    "A decision has the fields that its action needs, and none that is another's.",
    clauses="LBL-8 LBL-9 LBL-10",
)
async def fields(trial: Trial) -> None:
    """Leave out every field that is needed, and add every one that is not allowed."""
    for basis in ("assessed", "imported"):
        world = new_world(trial, basis)
        labels = Labels(world)
        bench = Bench(trial, world, labels.log)
        for action, needed in NEEDED.items():
            status = _from(action)
            full = labels.begin(basis, status)
            twin = full.decide(full.body(action))
            bench.counts(f"{action}, {basis}", twin)
            for name in needed:
                if name.startswith("receiver") and basis == "imported":
                    continue
                label = labels.begin(basis, status)
                body = label.body(action)
                del body[name]
                is_needed = basis == "assessed" or name in ALWAYS
                written = label.decide(body, counts=not is_needed)
                what = f"{action} without {name}, {basis}"
                if is_needed:
                    bench.is_void(what, "lbl.precondition", written, twin=twin)
                else:
                    bench.counts(what, written)
        _add_others(bench, labels, basis)
        await bench.judge()


def _add_others(bench: Bench, labels: Labels, basis: str) -> None:
    """Add to each action what only others may have."""
    takes: list[Value] = [bench.world.sites["hu"].origin, 3, bytes(32)]
    others: dict[str, tuple[Value, tuple[str, ...]]] = {
        "status_index": (0, ("grant",)),
        "takes": (takes, ("transfer_in",)),
        "standing": ("active", ()),
        "valid_until": (UNTIL, ("grant", "renew", "transfer_in", *_bringing_back(basis))),
        "valid_from": (THEN, ("grant", "renew", "transfer_in", *_bringing_back(basis))),
        "receiver": ("hu", ("transfer_out",)),
        "receiver_entity": (bytes(16), ("transfer_out",)),
    }
    for name, (value, allowed) in others.items():
        for action in ACTIONS:
            if action in allowed:
                continue
            twin = labels.begin(basis, _from(action))
            right = twin.decide(twin.body(action))
            label = labels.begin(basis, _from(action))
            wrong = label.decide(label.body(action, **{name: value}), counts=False)
            what = f"{action} with {name}, {basis}"
            bench.is_void(what, "lbl.precondition", wrong, twin=right)
    if basis == "imported":
        for name in ("receiver", "receiver_entity"):
            twin = labels.begin(basis, "active")
            right = twin.decide(twin.body("transfer_out"))
            label = labels.begin(basis, "active")
            body = label.body("transfer_out", **{name: others[name][0]})
            wrong = label.decide(body, counts=False)
            what = f"imported transfer_out with {name}"
            bench.is_void(what, "lbl.precondition", wrong, twin=right)


def _bringing_back(basis: str) -> tuple[str, ...]:
    return ("reinstate",) if basis == "imported" else ()
