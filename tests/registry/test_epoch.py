"""A log that goes on in another: who may close it, and what becomes of its labels (SPEC EPOCH)."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopro_node.audit.judging import Auditor, check_continued
from sopro_protocol.encoding import encode
from sopro_protocol.errors import RefusedError, VerificationError
from sopro_protocol.record import parse_entry, read_record
from sopro_registry.catalogue import READERS
from sopro_registry.certificate import OpenedCertificate, open_certificate
from sopro_registry.certificate_file import Certificate, StatusPath, format_certificate
from sopro_registry.families import site_membership
from sopro_registry.fields import epoch_of, origin_after
from sopro_registry.label import Label, status_at
from sopro_registry.status import format_leaf
from sopro_registry.transfer import Course, Stage, follow_label, takeover_entity
from tests.registry.certifying import indexes_of, prove
from tests.registry.continuing import begin, close, end_of, go_on, take, takeover
from tests.registry.make_epoch_vectors import FOLDER, OPERATIONS, render
from tests.registry.transferring import (
    IN,
    LATER,
    NUMBER,
    OUT,
    Changes,
    found,
    hand_over,
    suspend,
    take_over,
)
from tests.registry.world import (
    Author,
    Node,
    World,
    bytes16,
    keys_body,
    offering_body,
    ordinal,
    organisation_body,
    signer,
)

SECOND, THIRD = "sopro.example/at/2", "sopro.example/at/3"


def course_of(node: Node) -> Course:
    def stages(site: str, entity: bytes) -> Iterator[Stage]:
        for origin in node.replicas:
            state = node.state(origin, entity)
            if origin.split("/")[1] == site and isinstance(state, Label):
                yield Stage(origin, entity, state)

    label = node.state("sopro.example/at/1", bytes16("label"))
    first = Stage("sopro.example/at/1", bytes16("label"), label)
    return follow_label(first, stages, successors=node.directory.successors)


def path(node: Node) -> list[str]:
    return [stage.origin.split("/", 1)[1] for stage in course_of(node).stages]


@pytest.fixture
def world() -> World:
    return found()


# The beginning of a log.


@pytest.mark.parametrize(
    ("origin", "epoch", "after"),
    [
        ("sopro.example/at/1", 1, SECOND),
        ("sopro.example/at/999999", 999999, "sopro.example/at/1000000"),
        ("sopro.example/at/01", 0, None),
        ("sopro.example/at/1000000", 0, None),
        ("sopro.example/at", 0, None),
        ("sopro.example/at/1/1", 0, None),
    ],
)
def test_an_origin_ends_in_its_epoch(origin: str, epoch: int, after: str | None) -> None:
    assert epoch_of(origin) == epoch
    if after:
        assert origin_after(origin) == after


@pytest.mark.parametrize(
    ("continued", "code"),
    [
        ("sopro.example/at/1", None),
        ("sopro.example/at/2", "mem.epoch"),
        ("sopro.example/at/3", "mem.epoch"),
        ("sopro.example/at/01", "mem.epoch"),
        ("sopro.example/hu/1", "mem.epoch"),
        ("other.example/at/1", "mem.epoch"),
        ("sopro.example/at", "mem.epoch"),
        ("1", "mem.epoch"),
        ("", "rec.body"),
    ],
)
def test_a_log_continues_that_of_the_epoch_before(
    world: World, continued: str, code: str | None
) -> None:
    author = Author("at", world.node, prefix="AT1")
    author.origin = SECOND
    world.node.follow(SECOND, author.keys["root"].public_key)
    assert author.write_keys(continues=end_of(world.at) | {"origin": continued}).code == code


def test_no_other_record_continues_a_log(world: World) -> None:
    after = begin(world, world.at)
    assert after.write_keys(continues=end_of(world.at)).code == "mem.epoch"
    assert after.write_keys().code is None


# Who may close a log.


def entry_of(world: World, after: Author, **how: Any) -> bytes:
    """Return another entry 0 than the one the log has."""
    body = keys_body(after) | {"continues": end_of(world.at)} | how.pop("body", {})
    fields = {"entity": bytes16("other keys"), "role": "root"} | how
    return after.draft("site_keys/1", body, **fields)


REFUSED: list[tuple[str, Callable[[World, Author], Changes], str]] = [
    ("without the entry", lambda _w, _a: {"epoch": None}, "mem.key"),
    ("no entry", lambda _w, _a: {"epoch": b"\x93"}, "mem.epoch"),
    ("nothing", lambda _w, _a: {"epoch": b""}, "rec.body"),
    ("entry 1", lambda _w, a: {"epoch": a.entries[1]}, "mem.epoch"),
    ("entry 0 of the log before", lambda w, _a: {"epoch": w.at.entries[0]}, "mem.epoch"),
    ("by another key", lambda w, a: {"epoch": entry_of(w, a, signers=[signer("x")])}, "mem.epoch"),
    ("by a log key", lambda w, a: {"epoch": entry_of(w, a, role="log")}, "mem.epoch"),
    ("of another log", lambda w, a: {"epoch": entry_of(w, a, log=THIRD)}, "mem.epoch"),
    ("that continues nothing", lambda w, a: {"epoch": a.draft(
        "site_keys/1", keys_body(a), entity=bytes16("x"), role="root")}, "mem.epoch"),
    ("that continues nonsense", lambda w, a: {"epoch": entry_of(
        w, a, body={"continues": {"size": 1}})}, "mem.epoch"),
    ("that continues another log", lambda w, a: {"epoch": entry_of(
        w, a, body={"continues": end_of(w.hu)})}, "mem.epoch"),
    ("with another end", lambda w, _a: {"ends": {"origin": w.at.origin, "size": 3}}, "mem.epoch"),
    ("with its own end", lambda w, a: {
        "ends": {"origin": a.origin, "size": len(w.at.entries)}}, "mem.epoch"),
    ("without an end", lambda _w, _a: {"ends": None}, "mem.epoch"),
    ("suspended", lambda _w, _a: {"status": "suspended"}, "mem.epoch"),
    ("with a new root key", lambda _w, _a: {"root": signer("new").public_key}, "mem.key"),
    ("the epoch after", lambda _w, _a: {"origin": THIRD}, "mem.epoch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_nobody_closes_a_log_alone(
    world: World, change: Callable[[World, Author], Changes], code: str
) -> None:
    after = begin(world, world.at)
    ends = {"origin": world.at.origin, "size": len(world.at.entries)}
    fields = {"ends": ends, "epoch": after.entries[0]} | change(world, after)
    given = {name: value for name, value in fields.items() if value is not None}
    assert world.put_membership(after, **given).code == code
    assert world.node.directory.logs("at") == (world.at.origin,)
    # The accepted twin.
    assert close(world, world.at, after).code is None
    assert world.node.directory.logs("at") == (world.at.origin, SECOND)


def test_the_entry_stands_only_where_the_log_changes(world: World) -> None:
    after = begin(world, world.at)
    assert world.put_membership(world.at, epoch=after.entries[0]).code == "mem.epoch"
    assert close(world, world.at, after).code is None
    assert close(world, world.at, after).code == "mem.epoch"
    assert world.put_membership(after).code is None
    assert world.put_membership(world.at).code == "mem.key"


def test_a_suspended_site_is_released_first(world: World) -> None:
    after = begin(world, world.at)
    size = len(world.at.entries)
    ends = {"origin": world.at.origin, "size": size}
    assert world.put_membership(world.at, status="suspended", ends=ends).code is None
    assert close(world, world.at, after).code == "mem.epoch"
    assert world.put_membership(world.at, status="admitted").code is None
    assert close(world, world.at, after).code is None


def test_no_end_is_moved_back(world: World) -> None:
    size = len(world.at.entries)
    ends = {"origin": world.at.origin, "size": size}
    assert world.put_membership(world.at, status="suspended", ends=ends).code is None
    assert world.put_membership(world.at, status="admitted").code is None
    after = begin(world, world.at, size=size - 1, root=world.at.roots[size - 1])
    ends["size"] = size - 1
    assert close(world, world.at, after, ends=ends).code == "mem.end"


# What counts where.


def test_a_log_counts_up_to_its_end_and_the_next_from_its_membership(world: World) -> None:
    at = world.at
    after = begin(world, at)
    body, entity = organisation_body(), bytes16("organisation")
    assert after.write_state(world.coordinator).code is None
    assert after.judge("organisation/1", body, entity=entity).code == "mem.inactive"
    assert close(world, at, after).code is None
    # What the site said beyond the end comes to light, on whatever it acted.
    assert at.write("organisation/1", body, entity=bytes16("late")).code == "mem.inactive"
    assert at.write_state(world.coordinator).code is None
    assert at.decide("revoke", effective_date=LATER).code == "mem.inactive"
    assert at.status(LATER) == "active"
    assert after.judge("organisation/1", body, entity=entity).code == "mem.inactive"
    assert after.write_state(world.coordinator).code is None
    assert after.write("organisation/1", body, entity=entity).code is None


def test_what_was_judged_beyond_the_end_is_judged_anew(world: World) -> None:
    size = len(world.at.entries)
    revoked = {"decided_on": IN, "effective_date": IN, "appeal_until": LATER}
    assert world.at.decide("revoke", **revoked).code is None
    assert world.at.status(LATER) == "revoked"
    after = begin(world, world.at, size=size, root=world.at.roots[size])
    ends = {"origin": world.at.origin, "size": size}
    assert close(world, world.at, after, ends=ends).code is None
    assert world.at.status(LATER) == "active"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("SOPRO/AT1/001/000200001", None),
        ("SOPRO/AT1/001/00002", "lbl.competence"),
        ("SOPRO/AT1/001/00020001", "lbl.competence"),
        ("SOPRO/AT1/001/000100001", "lbl.competence"),
        ("SOPRO/AT1/001/000300001", "lbl.competence"),
        ("SOPRO/HU1/001/000200001", "lbl.competence"),
    ],
)
def test_numbers_of_one_epoch_are_none_of_another(
    world: World, number: str, code: str | None
) -> None:
    after = go_on(world, world.at)
    assert after.decide("grant", certificate=number).code == code
    if code is None:
        refused = world.hu.would_decide("grant", certificate=number.replace("AT1", "HU1"))
        assert refused.code == "lbl.competence"


# Labels.


@pytest.mark.parametrize("is_suspended", [False, True])
def test_labels_go_on_in_the_next_log(world: World, is_suspended: bool) -> None:
    if is_suspended:
        suspend(world)
    after = go_on(world, world.at)
    assert path(world.node) == ["at/1"]
    assert take(world, world.at, after).code is None
    assert path(world.node) == ["at/1", "at/2"]
    revoked = {"decided_on": LATER, "effective_date": LATER, "appeal_until": "2026-07-01"}
    taken = takeover_entity(*takeover(world, world.at, after)["takes"])
    body = after.decision("revoke", label="none", certificate=NUMBER, **revoked)
    written = after.write("label_decision/1", body, entity=taken, role="decision")
    assert written.code is None
    stage = course_of(world.node).at(ordinal(LATER))
    assert status_at(stage.label.decisions, ordinal(LATER))[0].word == "revoked"


def test_labels_of_a_log_that_is_not_closed_go_nowhere(world: World) -> None:
    after = begin(world, world.at)
    assert close(world, world.at, after).code is None
    other = begin(world, after)
    assert other.write_state(world.coordinator).code is None
    assert take(world, world.at, other).code == "mem.inactive"


def test_only_earlier_logs_of_the_site_are_continued(world: World) -> None:
    after = go_on(world, world.at)
    body = takeover(world, world.at, after)
    for origin in (SECOND, THIRD, "sopro.example/hu/1", "at", "a/b", "////"):
        takes = [origin, *body["takes"][1:]]
        assert take(world, world.at, after, takes=takes).code == "lbl.competence"
    # What nobody has handed over lies on the one entity that follows from it.
    assert take(world, world.at, after, entity=bytes16("free")).code == "lbl.competence"
    inherited = world.hu.decision("transfer_in", label="none", **body)
    entity = takeover_entity(*body["takes"])
    for_hu = world.hu.judge("label_decision/1", inherited, entity=entity, role="decision")
    assert for_hu.code == "lbl.competence"
    assert take(world, world.at, after).code is None


def test_a_third_log_continues_the_first_and_the_second(world: World) -> None:
    second = go_on(world, world.at)
    third = go_on(world, second)
    assert world.node.directory.logs("at") == (world.at.origin, SECOND, THIRD)
    assert take(world, world.at, third).code is None
    assert path(world.node) == ["at/1", "at/3"]
    # What the second one said beyond its end does not count.
    assert take(world, world.at, second).code == "mem.inactive"
    assert path(world.node) == ["at/1", "at/3"]


def test_a_hand_over_from_a_log_that_was_closed_still_holds(world: World) -> None:
    assert hand_over(world).code is None
    after = go_on(world, world.at)
    assert world.hu.write_state(world.coordinator).code is None
    assert take(world, world.at, after, standing="active").code is None
    assert path(world.node) == ["at/1"]
    assert take_over(world).code is None
    assert path(world.node) == ["at/1", "hu/1"]


def test_a_successor_inherits_what_the_logs_of_a_site_have_left(world: World) -> None:
    after = go_on(world, world.at)
    ends = {"origin": SECOND, "size": len(after.entries)}
    left = {"status": "left", "successor": "hu", "ends": ends}
    assert world.put_membership(after, **left).code is None
    assert world.hu.write_state(world.coordinator).code is None
    body = takeover(world, world.at, world.hu)
    inherited = world.hu.decision("transfer_in", label="none", **body)
    entity = takeover_entity(*body["takes"])
    written = world.hu.write("label_decision/1", inherited, entity=entity, role="decision")
    assert written.code is None
    assert path(world.node) == ["at/1", "hu/1"]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**20))
def test_the_course_is_the_same_in_whatever_order_logs_come(seed: int) -> None:
    rng = Random(seed)
    world = found()
    second = go_on(world, world.at)
    if rng.random() < 0.7:
        assert take(world, world.at, second).code is None
    authors = [world.coordinator, world.at, world.hu, second]
    if rng.random() < 0.5:
        # Beyond the end.
        world.at.decide("revoke", decided_on=OUT, effective_date=OUT, appeal_until=LATER)
    if rng.random() < 0.5:
        authors.append(go_on(world, second))
    expected = path(world.node), [label_of(world.node, one) for one in authors]
    node = World.new_node()
    for author in authors[3:]:
        node.follow(author.origin, author.keys["root"].public_key)
    missing = {author.origin: list(author.entries) for author in authors}
    while any(missing.values()):
        origin = rng.choice([origin for origin, entries in missing.items() if entries])
        taken = node.deliver(origin, missing[origin][: rng.choice((1, 2, 5))])
        missing[origin] = missing[origin][taken:]
    assert (path(node), [label_of(node, one) for one in authors]) == expected


def label_of(node: Node, author: Author) -> bytes:
    """Return everything a node has made of a log."""
    tables = node.replicas[author.origin].tables
    rows = {entity.hex(): row[2] or b"" for entity, row in tables.rows.items()}
    return encode({"rows": rows, "voids": [one.code for one in tables.voids.values()]})


def test_a_label_taken_over_twice_is_where_it_came_first(world: World) -> None:
    second = go_on(world, world.at)
    assert take(world, world.at, second).code is None
    third = go_on(world, second)
    assert take(world, world.at, third).code is None
    assert path(world.node) == ["at/1", "at/2"]


# Who looks at it from outside.


def test_the_record_says_where_and_under_which_root_a_log_was_closed(world: World) -> None:
    assert list(world.node.directory.ends()) == []
    size = len(world.at.entries)
    go_on(world, world.at)
    [end] = world.node.directory.ends()
    assert (end.origin, end.size, end.root) == (world.at.origin, size, world.at.roots[size])


@pytest.mark.parametrize("is_right", [True, False])
def test_an_audit_holds_a_closed_log_to_that_root(world: World, is_right: bool) -> None:
    size = len(world.at.entries)
    root = world.at.roots[size if is_right else size - 1]
    after = begin(world, world.at, root=root)
    assert close(world, world.at, after).code is None
    auditor = Auditor(world.coordinator.origin)
    for author in (world.coordinator, world.at):
        audit = auditor.begin(author.origin, author.keys["root"].public_key)
        audit.feed(author.entries, ())
        audit.finish()
    assert len(check_continued(auditor)) == (not is_right)


def test_an_audit_holds_a_log_to_the_entry_that_names_it(world: World) -> None:
    after = begin(world, world.at)
    assert close(world, world.at, after).code is None
    other = begin(world, world.at, size=len(world.at.entries) - 1)
    for author in (after, other):
        auditor = Auditor(world.coordinator.origin)
        for one in (world.coordinator, author):
            audit = auditor.begin(one.origin, one.keys["root"].public_key)
            audit.feed(one.entries, ())
            audit.finish()
        assert check_continued(auditor) == (
            []
            if author is after
            else [f"{other.origin}: begins otherwise than its membership names it"]
        )


# Certificates.


def file_of(
    world: World, author: Author, entity: bytes, *, membership: int, before: bytes = b""
) -> Certificate:
    """Make the certificate of a label in one log, under the present heads."""
    root = world.node.replicas[author.origin].ledger.status_root()
    assert author.write_state(world.coordinator, status_root=root).code is None
    state: Label = world.node.state(author.origin, entity)
    tree = world.node.replicas[author.origin].ledger.statuses
    index, last = state.status_index, len(author.entries) - 1
    return Certificate(
        state.number,
        decisions=[prove(author, one.index) for one in state.decisions],
        keys=prove(author, 0),
        membership=prove(world.coordinator, membership),
        coordinator_keys=prove(world.coordinator, 0),
        state=prove(author, last),
        status=StatusPath(format_leaf(state), index, tuple(tree.prove(index))),
        before=before,
    )


def opened(world: World, file: Certificate) -> OpenedCertificate:
    return open_certificate(
        format_certificate(file),
        coordinator=world.coordinator.origin,
        coordinator_root=world.coordinator.keys["root"].public_key,
        day=ordinal(LATER),
    )


def files(world: World) -> tuple[Certificate, Certificate, Certificate]:
    """Return a label's files of before the end of its log, of that log, and of the next one."""
    at = world.at
    old = file_of(world, at, bytes16("label"), membership=membership_of(world, at))
    after = go_on(world, at)
    assert take(world, at, after).code is None
    closing = membership_of(world, after)
    closed = old._replace(membership=prove(world.coordinator, closing))
    label = takeover_entity(*takeover(world, at, after)["takes"])
    before = format_certificate(closed)
    return old, closed, file_of(world, after, label, membership=closing, before=before)


def membership_of(world: World, author: Author) -> int:
    """Return the position of the last membership that names a log."""
    found = indexes_of(world.coordinator, "site_membership/1")
    return [index for index in found if is_about(world, index, author)][-1]


def is_about(world: World, index: int, author: Author) -> bool:
    _, body = read_record(parse_entry(world.coordinator.entries[index]).record, READERS)
    return isinstance(body, site_membership.Body) and body.origin == author.origin


def test_certificates_stay_good_and_go_on_with_the_label(world: World) -> None:
    for file, origin in zip(files(world), (world.at.origin, world.at.origin, SECOND), strict=True):
        found = opened(world, file)
        assert (found.status, found.is_present, found.sites) == ("active", True, ["at"])
        assert found.origin == origin


def test_a_certificate_needs_the_file_of_the_log_before(world: World) -> None:
    old, _, new = files(world)
    assert not opened(world, new._replace(before=b"")).is_present
    # Entry 0 of the log around it says that it was closed, too.
    assert opened(world, new._replace(before=format_certificate(old))).is_present


@pytest.mark.parametrize("is_closing", [True, False])
def test_two_epochs_on_only_the_record_that_closes_the_log_says_so(
    world: World, is_closing: bool
) -> None:
    old = file_of(world, world.at, bytes16("label"), membership=membership_of(world, world.at))
    second = go_on(world, world.at)
    closing = membership_of(world, second)
    third = go_on(world, second)
    assert take(world, world.at, third).code is None
    label = takeover_entity(*takeover(world, world.at, third)["takes"])
    if is_closing:
        old = old._replace(membership=prove(world.coordinator, closing))
    before = format_certificate(old)
    named = membership_of(world, third)
    new = file_of(world, third, label, membership=named, before=before)
    if is_closing:
        assert opened(world, new).is_present
    else:
        with pytest.raises(VerificationError) as refusal:
            opened(world, new)
        assert refusal.value.code == "lbl.reference"


def test_a_label_is_not_taken_from_beyond_the_end(world: World) -> None:
    size = len(world.at.entries)
    assert world.at.decide("correct", decided_on=OUT, effective_date=OUT).code is None
    named = membership_of(world, world.at)
    old = file_of(world, world.at, bytes16("label"), membership=named)
    body = takeover(world, world.at, world.hu)
    after = begin(world, world.at, size=size, root=world.at.roots[size])
    ends = {"origin": world.at.origin, "size": size}
    assert close(world, world.at, after, ends=ends).code is None
    assert after.write_state(world.coordinator).code is None
    for family, fields in (("organisation", organisation_body()), ("offering", offering_body())):
        assert after.write(f"{family}/1", fields, entity=bytes16(family)).code is None
    entity = takeover_entity(*body["takes"])
    body = after.decision("transfer_in", label="none", **body | {"status_index": 0})
    taken = after.write("label_decision/1", body, entity=entity, role="decision")
    assert taken.code is None
    assert path(world.node) == ["at/1"]
    before, named = format_certificate(old), membership_of(world, after)
    with pytest.raises(VerificationError) as refusal:
        opened(world, file_of(world, after, entity, membership=named, before=before))
    assert refusal.value.code == "mem.inactive"


def test_a_certificate_holds_no_decision_beyond_the_end(world: World) -> None:
    size = len(world.at.entries)
    revoked = {"decided_on": IN, "effective_date": IN, "appeal_until": LATER}
    assert world.at.decide("revoke", **revoked).code is None
    file = file_of(world, world.at, bytes16("label"), membership=3)
    after = begin(world, world.at, size=size, root=world.at.roots[size])
    ends = {"origin": world.at.origin, "size": size}
    assert close(world, world.at, after, ends=ends).code is None
    closing = len(world.coordinator.entries) - 1
    late = file._replace(membership=prove(world.coordinator, closing))
    with pytest.raises(VerificationError) as refusal:
        opened(world, late)
    assert refusal.value.code == "mem.inactive"


# What is frozen.


GROUPS = json.loads((FOLDER / "epoch.json").read_text(encoding="utf-8"))["groups"]


def test_frozen_vectors_are_what_the_maker_makes() -> None:
    assert render() == (FOLDER / "epoch.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("call", "case"), [(one["call"], case) for one in GROUPS for case in one["accept"]]
)
def test_accepts_what_vectors_accept(call: str, case: dict[str, Any]) -> None:
    assert OPERATIONS[call](case) == case["gives"]


@pytest.mark.parametrize(
    ("call", "case"), [(one["call"], case) for one in GROUPS for case in one["reject"]]
)
def test_refuses_what_vectors_refuse(call: str, case: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refusal:
        OPERATIONS[call](case)
    assert refusal.value.code == case["code"]
