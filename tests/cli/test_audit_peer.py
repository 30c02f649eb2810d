import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from sopro_node.audit.peer import audit_peer
from sopro_node.audit.report import Report
from sopro_node.fetch import Fetch, Fetched
from sopro_node.forks import fork_within
from sopro_node.identity import Invite
from sopro_node.keyring import load_keys
from sopro_protocol.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.merkle import Hash
from sopro_registry.directory import Directory
from tests.node.conftest import Federation, Served, grant


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Served]:
    federation = Federation(tmp_path)
    try:
        await federation.coordinator()
        one = await federation.join("at", "AT")
        await grant(one.node)
        yield one
    finally:
        with contextlib.suppress(TimeoutError):
            await federation.close()


async def audit(at: Served, invite: Invite | None = None) -> Report:
    return await audit_peer(at.url, invite, lambda _name, _done, _total: None)


def sentences(report: Report) -> list[str]:
    return [*report.problems, *(problem for log in report.logs for problem in log.problems)]


async def test_honest_node_is_clean(at: Served) -> None:
    report = await audit(at, at.node.invite)
    assert sentences(report) == []
    assert [log.labels for log in report.logs] == [0, 1]
    assert report.trusted == "the invite file"


async def test_without_an_invite_says_which_key_was_believed(at: Served) -> None:
    report = await audit(at)
    assert at.node.invite is not None
    assert report.is_clean
    assert at.node.invite.root in report.trusted


async def test_invite_of_another_coordinator_trusts_nothing(at: Served) -> None:
    assert at.node.invite is not None
    other = Invite(
        federation="sopro.example",
        origin="sopro.example/eeig/1",
        root=at.node.identity.root.hex(),
        urls=at.node.invite.urls,
    )
    report = await audit(at, other)
    assert any("signed head: " in one for one in sentences(report))


async def test_tile_that_differs_from_the_bundles_is_named(
    at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(_level: int, _tile: int, width: int) -> list[bytes]:
        return [bytes(32)] * width

    monkeypatch.setattr(at.node.holdings.own.tree, "hashes", lie)
    report = await audit(at, at.node.invite)
    size = at.node.holdings.own.size
    assert sentences(report) == [f"tile/0/000.p/{size}: not what the bundles hold"]


async def test_answer_that_no_decision_supports_is_named(
    at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = at.node.reader.labels(after="SOPRO/", before="SOPRO/~", limit=1)[0]
    state = row.state.replace(b"sopro", b"other")
    monkeypatch.setattr(at.node.reader, "labels", lambda **_: [row._replace(state=state)])
    report = await audit(at, at.node.invite)
    assert any(
        one.startswith(f"label {row.number}: the answer is not what its log says (scheme)")
        for one in sentences(report)
    )


async def test_label_that_is_hidden_is_named(at: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at.node.reader, "labels", lambda **_: [])
    report = await audit(at, at.node.invite)
    assert sentences(report) == ["label SOPRO/AT0/001/00001: in the log, not in the list of labels"]


async def test_evidence_that_a_node_serves_is_verified_and_told(at: Served) -> None:
    data = await against_the_coordinator(at)
    assert at.node.invite is not None
    kept = await at.node.evidence.take(data)
    told = [one for one in sentences(await audit(at, at.node.invite)) if "two histories" in one]
    assert told == [
        f"sopro.example/eeig/1: two histories: two heads at size {kept.sizes[0]}, both signed "
        f"(evidence {kept.id.hex()[:16]})"
    ]
    # Also where no invite is at hand, by what the node serves.
    assert any("two histories" in one for one in sentences(await audit(at)))


async def test_evidence_that_proves_nothing_is_named(
    at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await at.node.evidence.take(await against_the_coordinator(at))
    monkeypatch.setattr(at.node.reader.others, "evidence_file", lambda _: b"\x81\xa1a\x01")
    problems = sentences(await audit(at, at.node.invite))
    assert problems == [
        f"evidence {kept.id.hex()[:16]}: evidence: not an evidence file of this version"
    ]


async def test_another_history_at_another_member_is_found(
    at: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coordinator's own node shows another head than the one it has given to `at`."""
    federation_folder = at.node.folder.parent
    signer = load_keys(federation_folder / "eeig", Role.LOG)[Role.LOG]
    held = at.node.holdings.logs["sopro.example/eeig/1"]
    other = sign_checkpoint(Checkpoint(held.origin, held.signed_size, Hash(bytes(32))), signer)
    liar = at.node.holdings.directory
    members = [msgspec.structs.replace(one, urls=["http://127.0.0.1:9"]) for one in liar.members()]
    get = Fetch.get

    async def lie(self: Fetch, url: str, *, limit: int) -> Fetched:
        if url.startswith("http://127.0.0.1:9/log/eeig/"):
            return Fetched(other, None, len(other), {})
        return await get(self, url, limit=limit)

    monkeypatch.setattr(Fetch, "get", lie)
    as_recorded = Directory.members

    def elsewhere(directory: Directory, *, size: int | None = None) -> object:
        return iter(members) if size is None else as_recorded(directory, size=size)

    monkeypatch.setattr(Directory, "members", elsewhere)
    problems = sentences(await audit(at, at.node.invite))
    assert problems == [
        f"{held.origin}: two histories: http://127.0.0.1:9 serves a signed head at size "
        f"{held.signed_size} that excludes the {held.size} entries served here"
    ]


async def against_the_coordinator(at: Served) -> bytes:
    signer = load_keys(at.node.folder.parent / "eeig", Role.LOG)[Role.LOG]
    held = at.node.holdings.logs["sopro.example/eeig/1"]
    note = sign_checkpoint(Checkpoint(held.origin, held.signed_size, Hash(bytes(32))), signer)
    key = make_vkey(held.origin, signer.public_key)
    fork = fork_within(held, open_checkpoint(note, origin=held.origin, keys=[key]))
    assert fork is not None
    return at.node.evidence.write(fork)


def spoil_json(body: bytes, *path: str | int, value: object) -> bytes:
    answer = json.loads(body)
    part = answer
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return json.dumps(answer).encode()


LIES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "labels of a site": (
        "/api/v1/statistics",
        lambda body: spoil_json(body, "sites", 0, "labels", value={"active": 99}),
        "statistics: labels of sopro.example/at/1: answered {'active': 99}",
    ),
    "decisions of a year": (
        "/api/v1/statistics",
        lambda body: spoil_json(body, "sites", 0, "decisions_by_year", value={}),
        "statistics: decisions_by_year of sopro.example/at/1",
    ),
    "root it counts from": (
        "/api/v1/statistics",
        lambda body: spoil_json(body, "sites", 0, "computed_from", "root", value="00" * 32),
        "statistics: root of sopro.example/at/1",
    ),
    "keys": ("/log/at/1/keys", lambda body: body[:-5] + bytes(5), "not the key records"),
    "proofs": ("/log/at/1/proof/0", lambda body: body.replace(b"\nindex 0", b"\nindex 1"), "proof"),
    "voids": (
        "/api/v1/voids/at/1",
        lambda body: spoil_json(
            body, "voids", value=[{"index": 1, "code": "lbl.dates", "message": "made up"}]
        ),
        "not the void entries that the log has",
    ),
    "certificates": (
        "/api/v1/certificates/",
        lambda body: body[:-40] + bytes(40),
        "/api/v1/certificates/SOPRO/AT0/001/00001: ",
    ),
}


@pytest.mark.parametrize(("place", "lie", "sentence"), LIES.values(), ids=LIES)
async def test_whatever_a_node_serves_beside_its_logs_is_compared(
    at: Served,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    lie: Callable[[bytes], bytes],
    sentence: str,
) -> None:
    get = Fetch.get

    async def spoilt(self: Fetch, url: str, *, limit: int) -> Fetched:
        answer = await get(self, url, limit=limit)
        return answer._replace(body=lie(answer.body)) if place in url else answer

    monkeypatch.setattr(Fetch, "get", spoilt)
    found = sentences(await audit(at, at.node.invite))
    assert len(found) == 1, found
    assert sentence in found[0]
