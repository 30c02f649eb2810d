"""What the coordinator admits on: challenges, statements, and what an address shows (SPEC CONF)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sopro_node import admission, clock, memberships, office
from sopro_node.admission import make_application, receive_application
from sopro_node.challenge import DAYS, check_challenge, give_challenge
from sopro_node.challenge import _write as write_challenge
from sopro_node.identity import format_invite
from sopro_node.node import Node
from sopro_node.outside import Problem, Tried, _compare, try_address, try_again
from sopro_node.reach import Reach
from sopro_node.statements import check_statement
from sopro_protocol.errors import (
    NotFoundError,
    PeerError,
    RefusedError,
    SoproError,
    VerificationError,
)
from sopro_protocol.merkle import leaf_hash
from sopro_registry.families.conformance_statement import Body
from sopro_registry.fields import format_day
from tests.node.conftest import COORDINATOR, Federation
from tests.registry.world import statement_body

DAY = 86_400_000
LOG = {"site": "at", "origin": "sopro.example/at/1"}


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[Federation]:
    made = Federation(tmp_path)
    await made.coordinator()
    await made.begin("at", "AT")
    yield made
    await made.close()


def demand(federation: Federation, **asked: Any) -> Node:
    """Have the coordinator ask for something, and return it."""
    node = federation.served[COORDINATOR].node
    node.settings = replace(node.settings, **asked)
    return node


def code_of(error: pytest.ExceptionInfo[SoproError]) -> str:
    return error.value.code


def body(node: Node, nonce: bytes, **changes: Any) -> Body:
    now = clock.now()
    until = format_day(node.desk.today() + 30)
    fields = statement_body(nonce=nonce, began=now, ended=now, valid_until=until)
    return msgspec.convert(fields | changes, Body, builtin_types=(bytes,))


async def test_a_challenge_is_for_one_site_one_log_and_a_week(federation: Federation) -> None:
    node = federation.served[COORDINATOR].node
    nonce = await give_challenge(node, **LOG)
    given = int.from_bytes(nonce[:8], "big")
    assert len(nonce) == 32
    for began in (given - 300_000, given, given + DAYS * DAY):
        check_challenge(node, nonce, **LOG, began=began)
    for began in (given - 300_001, given + DAYS * DAY + 1, 0, 2**53 - 1):
        with pytest.raises(RefusedError) as error:
            check_challenge(node, nonce, **LOG, began=began)
        assert code_of(error) == "conf.nonce"
    for change in ({"site": "hu"}, {"origin": "sopro.example/at/2"}):
        with pytest.raises(RefusedError) as error:
            check_challenge(node, nonce, **(LOG | change), began=given)
        assert code_of(error) == "conf.nonce"
    later = (given + 1).to_bytes(8, "big") + nonce[8:]
    for wrong in (bytes(32), later, nonce[:31] + bytes([nonce[31] ^ 1])):
        with pytest.raises(RefusedError) as error:
            check_challenge(node, wrong, **LOG, began=given)
        assert code_of(error) == "conf.nonce"


async def test_no_challenge_is_known_before_one_was_given(federation: Federation) -> None:
    node = federation.served[COORDINATOR].node
    with pytest.raises(RefusedError) as error:
        check_challenge(node, bytes(32), **LOG, began=0)
    assert code_of(error) == "conf.nonce"


async def test_whoever_asks_for_admission_gets_a_challenge_and_so_does_a_member(
    federation: Federation,
) -> None:
    node = federation.served[COORDINATOR].node
    request = make_application(federation.served["at"].node)
    for status in ("received", "admitted"):
        answer = await receive_application(node, request)
        assert answer["status"] == status
        check_challenge(node, bytes.fromhex(answer["nonce"]), **LOG, began=clock.now())
        if status == "received":
            await memberships.admit(node, {"site": "at"})


@pytest.mark.parametrize(
    ("asked", "changes", "code"),
    [
        ({}, {}, ""),
        ({"admit_profiles": ("publisher", "reader")}, {}, ""),
        ({"admit_profiles": ("coordinator",)}, {}, "conf.profile"),
        ({"admit_profiles": ("witness",)}, {"profiles": ["peer"]}, "conf.profile"),
        ({"admit_profiles": ("witness", "peer")}, {"profiles": ["coordinator"]}, ""),
        ({"admit_suites": ("00" * 32,)}, {}, ""),
        ({"admit_suites": ("11" * 32,)}, {}, "conf.suite"),
        ({}, {"valid_until": "yesterday"}, "conf.expired"),
        ({}, {"waived": ["SYN-07"]}, "conf.waiver"),
        ({"admit_waivers": ("SYN-07",)}, {"waived": ["SYN-07"]}, ""),
        ({"admit_waivers": ("SYN-07",)}, {"waived": ["ENC-02", "SYN-07"]}, "conf.waiver"),
        ({}, {"nonce": bytes(32)}, "conf.nonce"),
        ({}, {"profiles": ["witness", "peer"], "nonce": bytes(32)}, "conf.form"),
    ],
)
async def test_holds_a_statement_to_what_is_asked_for(
    federation: Federation, asked: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    node = demand(federation, **asked)
    changes = dict(changes)
    waived = changes.pop("waived", [])
    if waived:
        changes["waivers"] = [{"case": one, "reason": "no"} for one in waived]
        changes["counts"] = statement_body()["counts"] | {"waived": len(waived)}
    if changes.get("valid_until") == "yesterday":
        changes["valid_until"] = format_day(node.desk.today() - 1)
    nonce = changes.pop("nonce", None) or await give_challenge(node, **LOG)
    # A statement that ended yesterday was made before yesterday, and so was its challenge.
    if "valid_until" in changes:
        nonce = _of_before(node, 3 * DAY)
        changes |= {"began": clock.now() - 3 * DAY, "ended": clock.now() - 3 * DAY}
    found = body(node, nonce, **changes)
    if not code:
        check_statement(node, LOG, found)
        return
    with pytest.raises(RefusedError) as error:
        check_statement(node, LOG, found)
    assert code_of(error) == code


async def test_a_run_that_has_not_ended_and_one_that_shows_nothing_are_no_ground(
    federation: Federation,
) -> None:
    node = federation.served[COORDINATOR].node
    nonce = await give_challenge(node, **LOG)
    nothing = {"not_applicable": 0, "passed": 0, "waived": 0, "warned": 0}
    ended = clock.now() + 3650 * DAY
    until = format_day(node.desk.today() + 3700)
    later = {"ended": ended, "valid_until": until}
    for changes, code in (({"counts": nothing}, "conf.form"), (later, "conf.dates")):
        with pytest.raises(RefusedError) as error:
            check_statement(node, LOG, body(node, nonce, **changes))
        assert code_of(error) == code
    check_statement(node, LOG, body(node, nonce, ended=clock.now() + 60_000))


def _of_before(node: Node, age: int) -> bytes:
    with node.store.transaction():
        node.store.put_setting("challenge", b"s" * 32)
    return write_challenge(b"s" * 32, clock.now() - age, LOG["site"], LOG["origin"])


async def ask(federation: Federation) -> bytes:
    """Have the site ask for admission; return its challenge."""
    coordinator = federation.served[COORDINATOR]
    assert coordinator.node.invite is not None
    invite = msgspec.json.decode(format_invite(coordinator.node.invite))
    invite.pop("sopro_invite")
    invite["root"] = coordinator.node.invite.root
    invite["urls"] = [coordinator.url]
    answer = await admission.join(federation.served["at"].node, {"invite": invite})
    return bytes.fromhex(answer["nonce"])


async def state(federation: Federation, nonce: bytes, **changes: Any) -> int:
    """Have the site state its conformance; return where."""
    node = federation.served["at"].node
    now = clock.now()
    until = format_day(node.desk.today() + 30)
    values = statement_body(nonce=nonce, began=now, ended=now, valid_until=until) | changes
    answer = await office.append(
        node, {"drafts": [{"family": "conformance_statement", "values": values}]}
    )
    [outcome] = answer["outcomes"]
    return int(outcome["index"])


async def test_admits_on_a_statement_in_the_site_s_own_log(federation: Federation) -> None:
    node = demand(federation, admit_profiles=("peer",))
    index = await state(federation, await ask(federation))
    for values in ({}, {"conformance": bytes(32), "conformance_until": "2999-01-01"}):
        with pytest.raises(RefusedError, match="admits on a statement") as error:
            await memberships.admit(node, {"site": "at", **values})
        assert code_of(error) == "conf.missing"
    with pytest.raises(RefusedError, match="is no statement of conformance") as error:
        await memberships.admit(node, {"site": "at", "statement": 1, "again": False})
    assert code_of(error) == "conf.missing"
    said = "at: entry 0 of sopro.example/at/1 is no statement of conformance that a registrar"
    with pytest.raises(VerificationError, match=said) as unsigned:
        await memberships.admit(node, {"site": "at", "statement": 0, "again": False})
    assert unsigned.value.code == "sig.role"
    await memberships.admit(node, {"site": "at", "statement": index, "again": False})
    with pytest.raises(NotFoundError, match="is a member already"):
        await memberships.admit(node, {"site": "at", "statement": index, "again": False})
    member = node.holdings.directory.membership("at")
    assert member is not None
    entry = federation.served["at"].node.holdings.entry(
        federation.served["at"].node.reader, federation.served["at"].node.log.held, index
    )
    assert member.conformance == leaf_hash(entry)
    assert member.conformance_until == format_day(node.desk.today() + 30)


async def test_a_member_states_anew(federation: Federation) -> None:
    node = federation.served[COORDINATOR].node
    await ask(federation)
    await memberships.admit(node, {"site": "at"})
    index = await state(federation, await ask(federation))
    values = {"site": "at", "changes": {}, "statement": index, "again": False}
    await memberships.change_membership(node, values)
    member = node.holdings.directory.membership("at")
    assert member is not None
    assert member.conformance_until == format_day(node.desk.today() + 30)
    with pytest.raises(SoproError):
        await memberships.change_membership(node, values | {"statement": 10**6})


RED = Tried("LOG-01", "FAIL", problems=[Problem("the tree", "its root", "another one")])


def test_a_verdict_that_differs_is_no_ground_for_admission() -> None:
    green = [Tried("LOG-03", "PASS"), Tried("LOG-04", "WARN"), Tried("SYN-08", "N/A")]
    _compare("at", "http://at.example", green, [])
    _compare("at", "http://at.example", [*green, RED], ["LOG-01"])
    with pytest.raises(RefusedError, match="the tree: expected its root, got another one") as error:
        _compare("at", "http://at.example", [*green, RED], ["LOG-03"])
    assert code_of(error) == "conf.differs"
    with pytest.raises(RefusedError, match="nobody answers"):
        _compare("at", "http://at.example", [Tried("LOG-01", "NOT-MEASURED", "nobody answers")], [])


async def test_nobody_is_tried_at_an_address_that_is_not_public() -> None:
    with pytest.raises(PeerError) as error:
        await try_address("http://127.0.0.1:9", [], reach=Reach())
    assert code_of(error) == "hos.address"


async def test_a_node_that_is_not_there_is_not_taken_for_one_that_passes() -> None:
    tried = await try_address(
        "http://127.0.0.1:9", ["--case", "LOG-01"], reach=Reach(allow_private=True)
    )
    assert [(one.id, one.verdict) for one in tried] == [("LOG-01", "NOT-MEASURED")]
    assert "no node answers" in tried[0].words
    found = msgspec.convert(statement_body(), Body, builtin_types=(bytes,))
    with pytest.raises(PeerError):
        await try_again(Reach(), "at", ["http://127.0.0.1:9"], found)
    # Of a reader no case needs an address; but whoever is admitted publishes a log.
    reader = msgspec.structs.replace(found, profiles=["reader"])
    with pytest.raises(RefusedError, match="no node answers") as error:
        await try_again(Reach(allow_private=True), "at", ["http://127.0.0.1:9"], reader)
    assert code_of(error) == "conf.differs"


async def test_watches_only_members(federation: Federation) -> None:
    node = federation.served[COORDINATOR].node
    assert (await office.OPERATIONS["watch"](node, {}))["watched"] == []
    with pytest.raises(NotFoundError):
        await office.OPERATIONS["watch"](node, {"sites": ["at"]})
