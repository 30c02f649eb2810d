import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sopro_node.audit import Report
from sopro_node.audit_peer import audit_peer
from sopro_node.identity import Invite
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
