"""Old copies of a node's directory: nothing is signed before its peers were asked (SPEC FENCE).

A watcher notes every head of the log that any node ever shows; all of them must be of one history.
"""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from sopro_node.keyring import load_keys
from sopro_protocol.checkpoint import Checkpoint, sign_checkpoint
from sopro_protocol.errors import FormatError, RefusedError, UnavailableError
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.merkle import Hash
from sopro_protocol.record import parse_entry, read_record
from sopro_protocol.tile import parse_entry_bundle
from sopro_registry.catalogue import READERS
from tests.federation.federation import SOPRO, Federation, Nursery, Site, federation, wait_until
from tests.federation.history import History, read_head
from tests.federation.liar import CHECKPOINT, Handler, Liar, Lie, flood, never, say, stream, twist
from tests.federation.test_kill import Watcher

pytestmark = pytest.mark.slow

TAIL = 50
AT = ".*/log/at/1/.*"


class Copies:
    """Copies of a site's directory, made and put back while it does not run."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.kept = site.folder.with_name(f"{site.code}-old")

    def keep(self) -> None:
        shutil.copytree(self._site.folder, self.kept)

    def put_back(self) -> None:
        shutil.rmtree(self._site.folder)
        shutil.copytree(self.kept, self._site.folder)


def state(site: Site) -> str:
    return str(site.status()["fence"]["state"])


def wait_for_state(site: Site, wanted: str) -> None:
    wait_until(lambda: state(site) == wanted, f"{site.code} is {wanted}")


def append(site: Site, count: int = 1) -> dict[int, bytes]:
    return {one["index"]: one["entry_id"] for one in site.append(count)}


def check_one_history(nodes: list[Site], watcher: Watcher, acknowledged: dict[int, bytes]) -> None:
    history = History()
    history.read_on(nodes[0], "at")
    history.check_acknowledged(acknowledged)
    history.check_heads(watcher.heads)
    assert {node.checkpoint("at") for node in nodes} == {nodes[0].checkpoint("at")}


def put_old_copy_back(land: Federation, at: Site) -> tuple[dict[int, bytes], bytes]:
    """Let a site grow by fifty batches and put an old copy back; return what was promised."""
    acknowledged = append(at, 5)
    at.stop()
    copies = Copies(at)
    copies.keep()
    at.start()
    for _ in range(TAIL):
        acknowledged |= append(at)
    for node in land.sites.values():
        if node is not at:
            land.wait_for(node, at)
    published = at.checkpoint("at")
    at.stop()
    copies.put_back()
    return acknowledged, published


def test_an_old_copy_heals_from_its_mirrors_before_it_signs(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    with Watcher([at, hu, land.coordinator], "at") as watcher:
        acknowledged, published = put_old_copy_back(land, at)
        at.start()
        more = append(at)
        assert min(more) == read_head(published)[0]
        for node in (hu, land.coordinator):
            land.wait_for(node, at)
    check_one_history([at, hu, land.coordinator], watcher, acknowledged | more)
    assert len(watcher.heads) > 5
    recovery = at.call("status")["recovery"]
    assert recovery["end"] == read_head(published)[0]
    assert recovery["lost"]["counts"] == {}


def test_a_tail_that_acts_on_more_of_the_coordinators_log_waits_for_that(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    at.stop()
    copies = Copies(at)
    copies.keep()
    at.start()
    for status in ("suspended", "admitted"):
        land.coordinator.call("set_membership", site="hu", status=status)
        land.wait_for(at, land.coordinator)
        append(at)
    land.wait_for(hu, at)
    land.wait_for(hu, land.coordinator)
    published = at.checkpoint("at")
    at.stop()
    copies.put_back()
    # The other member has both logs.
    land.coordinator.stop()
    at.start()
    wait_for_state(at, "open")
    assert at.checkpoint("at") == published
    assert at.checkpoint("eeig") == hu.checkpoint("eeig")
    assert min(append(at)) == read_head(published)[0]
    land.wait_for(hu, at)
    assert hu.mirror(at.origin)["void"] == at.status()["void"] == 0


def test_a_coordinator_put_back_knows_its_members_again(land: Federation) -> None:
    coordinator = land.start_coordinator()
    at = land.new("at")
    land.join(at)
    land.wait_for(at, coordinator)
    coordinator.stop()
    copies = Copies(coordinator)
    copies.keep()
    coordinator.start()
    hu = land.new("hu")
    land.join(hu)
    land.wait_for(at, coordinator)
    coordinator.stop()
    copies.put_back()
    coordinator.start()
    wait_for_state(coordinator, "open")
    append(hu)
    land.wait_for(coordinator, hu)
    coordinator.call("set_membership", site="hu", status="suspended")
    wait_until(lambda: hu.status()["membership"] == "suspended", "hu follows it")


def test_a_document_no_mirror_had_is_named_after_the_healing(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    copies = Copies(at)
    at.stop()
    copies.keep()
    at.start()
    documents = [
        {"name": "open", "content": b"\x80"},
        {"name": "secret", "content": b"\x80", "visibility": "site"},
        {"name": "between-us", "content": b"\x80", "visibility": "members"},
    ]
    draft = {
        "family": "organisation",
        "values": {
            "actor_type": "enterprise",
            "country": "AT",
            "effective_date": "2026-01-10",
            "status": "active",
        },
        "documents": documents,
    }
    [outcome] = at.call("append", drafts=[draft])["outcomes"]
    land.wait_for(hu, at)
    at.stop()
    copies.put_back()
    at.start()
    wait_for_state(at, "open")

    lost = at.call("status")["recovery"]["lost"]

    assert lost["counts"] == {"members": 1, "site": 1}
    assert [(one["position"], one["name"]) for one in lost["named"]] == [
        (outcome["index"], "secret"),
        (outcome["index"], "between-us"),
    ]
    assert at.get(f"/log/at/1/document/{outcome['index']}/0").body == b"\x80"


def test_nothing_is_signed_while_nobody_answers_and_reading_goes_on(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    append(at, 3)
    land.wait_for(hu, at)
    for node in (at, hu, land.coordinator):
        node.stop()
    began = time.monotonic()
    at.start()
    assert time.monotonic() - began < 5
    head = at.checkpoint("at")

    with pytest.raises(UnavailableError, match="--alone") as refused:
        at.append()

    assert refused.value.code == "fence.asking"
    with pytest.raises(FormatError, match="reason"):
        at.call("alone", reason="x" * 501)
    assert at.checkpoint("at") == head
    assert at.get("/health").json["fence"] == "asking"
    assert b"sopro_fence_open 0.0" in at.get("/metrics").body
    assert "keine neuen Einträge" in at.get("/status?lang=de").body.decode()
    for path in ("/", "/labels", "/log/at/1/bundle/000.p/2", "/api/v1/statistics"):
        assert at.get(path).status == 200, path
    # One answering peer is enough.
    hu.start()
    wait_for_state(at, "open")
    append(at)
    land.wait_for(hu, at)


def test_an_operator_may_open_it_and_the_log_says_so(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    acknowledged = append(at, 3)
    land.wait_for(hu, at)
    with Watcher([at, hu], "at") as watcher:
        for node in (at, hu, land.coordinator):
            node.stop()
        at.start()
        size = at.status()["size"]

        assert at.call("alone", reason="the others are cut off")["index"] == size

        assert at.call("alone", reason="again")["index"] is None
        acknowledged |= append(at)
        for node in (hu, land.coordinator):
            node.start()
        land.wait_for(hu, at)
    check_one_history([at, hu], watcher, acknowledged)
    bundle = at.get(f"/log/at/1/tile/entries/000.p/{size + 1}").body
    entry = parse_entry(parse_entry_bundle(bundle, width=size + 1)[size])
    record, body = read_record(entry.record, READERS)
    assert record.family == "serve_alone/1"
    assert (body.reason, body.peers) == ("the others are cut off", 2)
    assert hu.mirror(at.origin)["void"] == 0


def test_serve_alone_is_an_option_of_serve(land: Federation, tmp_path: Path) -> None:
    [at] = land.start(["at"])
    land.coordinator.stop()
    at.stop()
    at.start(alone="the coordinator has burnt down")
    wait_for_state(at, "open")
    append(at)
    assert "opened without having asked another node" in at.read_log()
    # The same command reaches the node that serves.
    again = [str(SOPRO), "serve", str(at.folder), "--alone", "again"]
    done = subprocess.run(again, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert "--alone was not needed" in done.stderr


def test_an_override_that_was_wrong_is_found_out(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    put_old_copy_back(land, at)
    published = hu.checkpoint("at")
    for node in (hu, land.coordinator):
        node.stop()
    at.start(alone="nobody answers, and this should be the newest copy")
    wait_for_state(at, "open")
    hu.start()
    wait_for_state(at, "forked")
    with pytest.raises(UnavailableError, match="two histories"):
        at.append()
    # The others keep what they had, and say so.
    wait_until(lambda: "hos.fork" in hu.refusals(at.origin), "hu has seen it")
    assert hu.checkpoint("at") == published


# Peers that lie.


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator["Court"]:
    base = tmp_path_factory.mktemp("court")
    with federation(base, nursery) as land, contextlib.closing(Court(land)) as one:
        yield one


class Court:
    """A site whose only other member stands behind a liar, and an old copy of the site."""

    def __init__(self, land: Federation) -> None:
        self.land = land
        land.start_coordinator()
        self.at = land.new("at")
        port = land.ports.take()
        self.hu = land.new("hu", url=f"http://127.0.0.1:{port}")
        self.liar = Liar(port, upstream=self.hu.url)
        self.liar.start()
        for site in (self.at, self.hu):
            land.join(site)
        for node in (self.hu, land.coordinator):
            land.wait_for(node, self.at)
        self.signer = load_keys(self.at.folder, Role.LOG)[Role.LOG]
        # What the liar knows of old.
        self.old = self.at.checkpoint("at")
        self.acknowledged, self.published = put_old_copy_back(land, self.at)

    def begin(self) -> None:
        """Put the old copy back; the others have all that was ever published."""
        self.liar.be_honest()
        if self.land.coordinator.process is None:
            self.land.coordinator.start()
        if self.at.process is not None:
            for node in (self.hu, self.land.coordinator):
                self.land.wait_for(node, self.at)
            self.published = self.at.checkpoint("at")
            self.at.stop()
        Copies(self.at).put_back()

    def sign(self, size: int, signer: Ed25519Signer) -> bytes:
        return sign_checkpoint(Checkpoint(self.at.origin, size, Hash(b"\x07" * 32)), signer)

    def close(self) -> None:
        self.liar.stop()


async def refuse(_request: web.Request, _truth: bytes) -> web.StreamResponse:
    return web.Response(status=502)


def lies(court: Court) -> dict[str, tuple[str, Handler]]:
    stranger = Ed25519Signer(b"\x05" * 32)
    return {
        "shorter": (CHECKPOINT, say(court.old)),
        "forged": (CHECKPOINT, say(court.sign(10_000, stranger))),
        "forged and small": (CHECKPOINT, say(court.sign(3, stranger))),
        "endless": (CHECKPOINT, stream(flood)),
        "silent": (CHECKPOINT, never),
        "nonsense": (CHECKPOINT, say(b"\xff" * 60_000)),
        "holds nothing": (CHECKPOINT, say(b"", status=404)),
        "garbage under the head": (AT + "(bundle|tile).*", twist(lambda _: b"\x00" * 4000)),
        "endless under the head": (AT + "(bundle|tile).*", stream(flood)),
    }


@pytest.mark.parametrize(
    "lie",
    [
        "shorter",
        "forged",
        "forged and small",
        "endless",
        "silent",
        "nonsense",
        "holds nothing",
        "garbage under the head",
        "endless under the head",
    ],
)
def test_one_liar_beside_an_honest_mirror_changes_nothing(court: Court, lie: str) -> None:
    at = court.at
    court.begin()
    court.liar.tell(Lie(*lies(court)[lie]))
    with Watcher([at, court.land.coordinator], "at") as watcher:
        at.start()
        more = append(at)
        court.land.wait_for(court.land.coordinator, at)
    check_one_history([at, court.land.coordinator], watcher, court.acknowledged | more)
    assert min(more) == read_head(court.published)[0]


@pytest.mark.parametrize(
    "lie", ["forged", "forged and small", "endless", "silent", "nonsense", "holds nothing"]
)
def test_a_liar_alone_does_not_open_it(court: Court, lie: str) -> None:
    court.begin()
    court.land.coordinator.stop()
    court.liar.tell(Lie(*lies(court)[lie]))
    court.at.start()
    rounds = 1 if lie in ("endless", "silent") else 3
    wait_until(lambda: court.liar.asked.count("/log/at/1/checkpoint") >= rounds, "it was asked")
    assert state(court.at) == "asking"
    court.liar.be_honest()
    wait_for_state(court.at, "open")
    assert min(append(court.at)) == read_head(court.published)[0]


def test_who_opened_it_with_an_old_head_is_found_out_by_a_later_answer(court: Court) -> None:
    at = court.at
    court.begin()
    court.land.coordinator.stop()
    court.liar.tell(Lie(CHECKPOINT, say(court.old)))
    with Watcher([at], "at") as watcher:
        at.start()
        wait_for_state(at, "open")
        court.land.coordinator.start()
        wait_until(lambda: at.checkpoint("at") == court.published, "at has healed")
        wait_for_state(at, "open")
        acknowledged = court.acknowledged | append(at)
        court.land.wait_for(court.land.coordinator, at)
    check_one_history([at, court.land.coordinator], watcher, acknowledged)


def test_a_tail_that_nobody_serves_is_waited_for_whatever_an_operator_says(court: Court) -> None:
    at, coordinator = court.at, court.land.coordinator
    court.begin()
    coordinator.stop()
    court.liar.tell(Lie(AT + "(bundle|tile).*", refuse))
    at.start()
    wait_for_state(at, "behind")
    with pytest.raises(RefusedError, match="no operator can open"):
        at.call("alone", reason="we want to go on")
    with pytest.raises(UnavailableError, match="this disk holds") as refused:
        at.append()
    assert refused.value.code == "fence.behind"

    # Not forgotten over a restart, where nobody says so any more.
    at.kill()
    court.liar.tell(Lie(".*", refuse))
    at.start()
    assert state(at) == "behind"
    assert read_head(at.checkpoint("at"))[0] < read_head(court.published)[0]
    at.stop()

    court.liar.be_honest()
    at.start()
    wait_for_state(at, "open")
    assert at.checkpoint("at") == court.published


def test_a_second_process_with_the_same_keys_stops(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    append(at, 3)
    at.stop()
    Copies(at).keep()
    at.start()
    land.wait_for(hu, at)
    twin = Site(land.nursery, at.folder.with_name("at-old"), "at", land.ports.take())
    land.sites["twin"] = twin
    twin.start()
    wait_for_state(twin, "open")

    append(at)

    wait_for_state(twin, "double")
    with pytest.raises(UnavailableError, match="another process signs"):
        twin.append()
    append(at)
    assert state(at) == "open"
    land.wait_for(hu, at)
    # Where the first has ended, the second may take its place.
    wait_until(lambda: twin.status()["size"] == at.status()["size"], "the second has followed")
    at.stop()
    twin.stop()
    twin.start()
    wait_for_state(twin, "open")
    append(twin)


def test_nodes_that_start_together_do_not_wait_for_one_another(land: Federation) -> None:
    nodes = [*land.start(["at", "hu"]), land.coordinator]
    for node in nodes[:2]:
        append(node)
    for node in nodes:
        for other in nodes:
            if other is not node:
                land.wait_for(node, other)
    for node in nodes:
        node.stop()
    for node in nodes:
        node.launch()
    for node in nodes:
        node.wait_up()
        wait_for_state(node, "open")


@pytest.mark.timeout(120)
def test_killed_while_it_heals_it_goes_on(land: Federation) -> None:
    at, hu = land.start(["at", "hu"])
    acknowledged = append(at, 5)
    copies = Copies(at)
    at.stop()
    copies.keep()
    at.start()
    for _ in range(4):
        acknowledged |= append(at, 1500)
    land.wait_for(hu, at)
    published = at.checkpoint("at")
    at.stop()
    copies.put_back()
    sizes = set()
    with Watcher([at, hu], "at") as watcher:
        for moment in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
            at.start()
            time.sleep(moment)
            sizes.add(at.status()["size"])
            at.kill()
        at.start()
        wait_for_state(at, "open")
        assert at.checkpoint("at") == published
        acknowledged |= append(at)
        land.wait_for(hu, at)
    check_one_history([at, hu], watcher, acknowledged)
    assert at.call("status")["recovery"]["start"] == min(sizes)


def test_a_tail_that_came_half_is_kept_and_the_rest_fetched_later(court: Court) -> None:
    at, hu, coordinator = court.at, court.hu, court.land.coordinator
    court.begin()
    at.start()
    wait_for_state(at, "open")
    at.stop()
    copies = Copies(at)
    shutil.rmtree(copies.kept)
    copies.keep()
    at.start()
    wait_for_state(at, "open")
    start = at.status()["size"]
    acknowledged = {}
    for _ in range(4):
        acknowledged |= append(at, 1500)
    for node in (hu, coordinator):
        court.land.wait_for(node, at)
    published = at.checkpoint("at")
    at.stop()
    copies.put_back()
    coordinator.stop()
    court.liar.tell(Lie(AT + "bundle/02.*", refuse))

    at.start()
    wait_until(lambda: at.status()["size"] > start, "a part has come")
    assert state(at) == "behind"
    assert read_head(at.checkpoint("at"))[0] == start
    at.kill()
    court.liar.be_honest()
    at.start()
    wait_for_state(at, "open")

    assert at.checkpoint("at") == published
    recovery = at.call("status")["recovery"]
    assert (recovery["start"], recovery["end"]) == (start, read_head(published)[0])
    append(at)
    history = History()
    history.read_on(at, "at")
    history.check_acknowledged(court.acknowledged | acknowledged)


def test_nothing_is_ever_signed_again_where_two_histories_are_signed(court: Court) -> None:
    at = court.at
    court.begin()
    court.liar.tell(Lie(CHECKPOINT, say(court.sign(5, court.signer))))
    at.start()
    wait_for_state(at, "forked")
    for _ in range(2):
        with pytest.raises(UnavailableError, match="two histories") as refused:
            at.append()
        assert refused.value.code == "fence.forked"
        with pytest.raises(RefusedError, match="no operator"):
            at.call("alone", reason="all the same")
        assert at.get("/labels").status == 200
        at.stop()
        court.liar.be_honest()
        at.start()
        assert state(at) == "forked"
