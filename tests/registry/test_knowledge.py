"""What a certificate is worth to who knows more than the file, and that of a site that has gone."""

from collections.abc import Callable
from typing import Any

import pytest

from sopro_protocol.cosignature import cosign
from sopro_protocol.merkle import leaf_hash
from sopro_protocol.policy import Policy, PolicyWitness
from sopro_registry.appointment import digest_voters
from sopro_registry.certificate_file import Certificate, format_certificate
from sopro_registry.knowledge import Gone, Knowledge, KnownLog
from sopro_registry.tables import Void
from sopro_registry.verdict import Judged, Verdict, judge_certificate
from tests.registry.appointing import Orphaned
from tests.registry.certifying import TODAY, certify, cosigned, end_batch, indexes_of, prove
from tests.registry.test_certificate import HOUR, WITNESS, WITNESS_KEY, head_of
from tests.registry.world import NOW, Author, World, bytes16, dates_of, membership_body


@pytest.fixture
def world() -> World:
    world = World()
    world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    end_batch(world)
    return world


def judge(world: World, file: Certificate, **values: Any) -> Judged:
    return judge_certificate(
        format_certificate(file),
        coordinator=world.coordinator.origin,
        coordinator_root=world.coordinator.keys["root"].public_key,
        **{"day": TODAY, "now": NOW + 2 * HOUR} | values,
    )


def record(world: World, status: str, end: int | None) -> Certificate:
    """Have the coordinator record an hour later that `at` is gone; return the file with that."""
    file = certify(world)
    body = membership_body(world.at) | {"status": status}
    if end is not None:
        body |= {"ends": {"origin": world.at.origin, "size": end}}
    entity = bytes16("membership of at")
    written = world.coordinator.write("site_membership/1", body, entity=entity, time=NOW + HOUR)
    assert written.code is None
    last = indexes_of(world.coordinator, "site_membership/1", entity="membership of at")[-1]
    return file._replace(membership=prove(world.coordinator, last))


@pytest.mark.parametrize("status", ["left", "expelled", "suspended"])
def test_the_record_of_its_end_says_when_a_label_of_a_site_that_has_gone_stood_so(
    world: World, status: str
) -> None:
    file = record(world, status, len(world.at.entries))
    judged = judge(world, file)
    assert (judged.verdict, judged.as_of) == (Verdict.VALID, NOW + HOUR)
    assert (judged.is_recorded, judged.is_witnessed) == (True, False)
    assert judge(world, file, max_age=HOUR - 1).verdict is Verdict.STALE


@pytest.mark.parametrize(("beyond", "says_end"), [(1, True), (0, False)])
def test_its_own_word_is_none(world: World, beyond: int, says_end: bool) -> None:
    end = len(world.at.entries) + beyond
    file = record(world, "expelled", end if says_end else None)
    judged = judge(world, file)
    assert (judged.verdict, judged.code) == (Verdict.UNPROVEN, "cert.gone")
    assert "at takes no part any more" in judged.why


@pytest.mark.parametrize(("says_end", "verdict"), [(True, "valid"), (False, "unproven")])
def test_a_witness_vouches_for_what_was_below_its_end(
    world: World, says_end: bool, verdict: str
) -> None:
    file = record(world, "left", len(world.at.entries) + 1 if says_end else None)
    assert file.state is not None
    line = cosign(head_of(world), name=WITNESS_KEY.name, signer=WITNESS, time=NOW // 1000)
    seen = file._replace(state=cosigned(file.state, line))
    judged = judge(world, seen, witnesses=[WITNESS_KEY])
    assert (judged.verdict.value, judged.is_witnessed) == (verdict, True)


def test_what_has_ended_for_the_worse_stays_so(world: World) -> None:
    world.at.decide("revoke", **dates_of("revoke", "2027-12-01"))
    end_batch(world)
    assert judge(world, record(world, "left", None)).verdict is Verdict.REVOKED


# What is known besides the file.


def known_of(author: Author, **changes: Any) -> KnownLog:
    records = {
        index: leaf_hash(author.entries[index]) for index in indexes_of(author, "site_keys/1")
    }
    size = len(author.entries)
    known = KnownLog(size, lambda at: author.roots[at], records, lambda _: None, b"", None)
    return known._replace(**changes)


def knowledge(*logs: tuple[str, KnownLog], size: int = 10**6) -> Knowledge:
    return Knowledge(size, dict(logs).get)


Change = Callable[[World, KnownLog], KnownLog]


def test_what_is_known_and_what_a_file_says_agree(world: World) -> None:
    at, coordinator = world.at, world.coordinator
    known = knowledge((at.origin, known_of(at)), (coordinator.origin, known_of(coordinator)))
    file = certify(world)
    assert judge(world, file, knowledge=known).verdict is Verdict.VALID
    # Also where the file is newer than what is known.
    older = knowledge((at.origin, known_of(at, size=3)))
    assert judge(world, file, knowledge=older).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _, known: known._replace(root_at=lambda _: bytes(32)), "hos.fork"),
        (lambda _, known: known._replace(key_records=known.key_records | {2: b""}), "sta.keys"),
        (lambda _, known: known._replace(key_records={}), "sta.keys"),
        (lambda world, known: known._replace(beginning=world.at.entries[1]), "mem.epoch"),
        (
            lambda _, known: known._replace(void=lambda _: Void("lbl.actor", "by nobody")),
            "lbl.actor",
        ),
        (lambda _, known: known._replace(gone=Gone(NOW, 1)), "mem.inactive"),
    ],
)
def test_refuses_what_is_known_to_be_otherwise(world: World, change: Change, code: str) -> None:
    known = knowledge((world.at.origin, change(world, known_of(world.at))))
    judged = judge(world, certify(world), knowledge=known)
    assert (judged.verdict, judged.code) == (Verdict.FORGED, code)


def test_the_coordinators_history_is_held_to_what_is_known_too(world: World) -> None:
    eu = world.coordinator
    known = knowledge((eu.origin, known_of(eu, root_at=lambda _: bytes(32))))
    assert judge(world, certify(world), knowledge=known).code == "hos.fork"


@pytest.mark.parametrize(("size", "verdict"), [(10**6, "unproven"), (0, "valid")])
def test_who_knows_of_the_end_goes_by_that_where_it_is_newer(
    world: World, size: int, verdict: str
) -> None:
    """A file can hold the membership of before for ever."""
    gone = Gone(NOW + HOUR, len(world.at.entries) + 1)
    known = knowledge((world.at.origin, known_of(world.at, gone=gone)), size=size)
    judged = judge(world, certify(world), knowledge=known)
    assert judged.verdict.value == verdict


def test_who_was_admitted_again_is_believed_again(world: World) -> None:
    file = record(world, "suspended", len(world.at.entries) + 1)
    assert judge(world, file).code == "cert.gone"
    known = knowledge((world.at.origin, known_of(world.at)))
    assert judge(world, file, knowledge=known).verdict is Verdict.VALID


@pytest.mark.parametrize(("more", "code"), [(1, "hos.fork"), (4, "sta.keys")])
def test_who_knows_of_a_succession_believes_nothing_by_the_keys_of_before(
    more: int, code: str
) -> None:
    """A coordinator that was succeeded goes on admitting sites, for whoever has only the invite."""
    ghost, heir = Orphaned(), Orphaned()
    assert heir.take_over().code is None
    heir.eu.write_state(members=digest_voters(heir.voters))
    world = ghost.world
    world.at.decide("grant", **dates_of("grant", "2027-06-01"))
    for number in range(more):
        changed = world.put_membership(world.at, urls=[f"https://{number}.example"])
        assert changed.code is None
    end_batch(world)
    latest = indexes_of(world.coordinator, "site_membership/1", entity="membership of at")[-1]
    file = certify(world)._replace(membership=prove(world.coordinator, latest))
    assert judge(world, file).verdict is Verdict.VALID
    known = knowledge((heir.eu.origin, known_of(heir.eu)))
    judged = judge(world, file, knowledge=known)
    assert (judged.verdict, judged.code) == (Verdict.FORGED, code)


def later_than(world: World, file: Certificate, **changes: Any) -> Callable[..., Judged]:
    """Return how to judge a file with all that the world has come to since."""
    at = world.at
    records = {index: leaf_hash(at.entries[index]) for index in indexes_of(at, "site_keys/1")}
    held = KnownLog(
        len(at.entries), lambda size: at.roots[size], records, lambda _: None, b"", None,
        time=NOW + HOUR, witnessed=len(at.entries),
    )._replace(**changes)  # fmt: skip

    def course(number: str) -> Any:
        known = world.node.course(at.origin, bytes16("label"))
        return known if known.stages[0].label.number == number else None

    knowledge = Knowledge(0, {at.origin: held}.get, course)
    return lambda **values: judge(world, file, knowledge=knowledge, **values)


def test_what_is_known_beyond_the_file_has_the_last_word(world: World) -> None:
    file = certify(world)
    before = later_than(world, file)()
    assert (before.verdict, before.later) == (Verdict.VALID, None)
    world.at.decide("suspend", **dates_of("suspend", "2027-07-01"))
    judged = later_than(world, file)()
    assert judged.verdict is Verdict.SUSPENDED
    assert judged.later is not None
    assert judged.later.decided == [("suspend", "2027-07-01")]
    assert (judged.as_of, judged.newest) == (NOW + HOUR, judged.later)
    world.at.decide("reinstate", **dates_of("reinstate", "2027-07-02"))
    assert later_than(world, file)().verdict is Verdict.VALID
    assert later_than(world, file)(max_age=HOUR // 2).verdict is Verdict.STALE


def test_what_is_known_beyond_the_file_needs_what_a_file_needs(world: World) -> None:
    file = certify(world)
    world.at.decide("suspend", **dates_of("suspend", "2027-07-01"))
    world.at.decide("reinstate", **dates_of("reinstate", "2027-07-02"))
    size = len(world.at.entries)
    unheld = later_than(world, file, gone=Gone(NOW, size + 1))()
    assert (unheld.verdict, unheld.code) == (Verdict.UNPROVEN, "cert.gone")
    assert later_than(world, file, gone=Gone(NOW, size))().verdict is Verdict.VALID
    policy = Policy((), (PolicyWitness("w", WITNESS_KEY),), (), "w")
    assert later_than(world, file)(policy=policy).verdict is Verdict.VALID
    alone = later_than(world, file, witnessed=size - 1)(policy=policy)
    assert (alone.verdict, alone.code) == (Verdict.UNPROVEN, "ckp.quorum")
    world.at.decide("revoke", **dates_of("revoke", "2027-07-03"))
    assert later_than(world, file, witnessed=0)(policy=policy).verdict is Verdict.REVOKED
