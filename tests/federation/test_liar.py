"""What a node does when the site it mirrors lies, and what it leaves alone.

One federation runs for all of these: `at` is lied for by a hostile peer at its address, `hu` is
honest, and `fr` mirrors both. Each lie is told about something the next pull needs. Nothing of it
may be stored, the reason must be seen wherever an operator looks, `hu` must not notice, and the
same request without the lie must be accepted right after.
"""

import gzip
import json
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import pytest

from sopro_node.keyring import load_keys
from sopro_protocol.bundle import WIDTH, Bundle, RidingDocument
from sopro_protocol.encoding import encode
from sopro_protocol.keys import Ed25519Signer, Role
from sopro_protocol.merkle import root_of
from tests.federation.federation import (
    Federation,
    Nursery,
    Site,
    federation,
    organisation,
    sync,
    wait_until,
)
from tests.federation.history import read_head
from tests.federation.janus import make_fork
from tests.federation.liar import (
    BUNDLE,
    CHECKPOINT,
    KEYS,
    MEBIBYTE,
    TILE,
    Handler,
    Liar,
    Lie,
    cut,
    drip,
    flood,
    foreign_line,
    gzip_bomb,
    hang,
    head_text,
    nested,
    never,
    raw_garbage,
    say,
    sign_anything,
    sign_head,
    stream,
    twist,
    wide_zstd,
    zstd_bomb,
)

pytestmark = pytest.mark.slow

PORTAL = b"<!doctype html><title>Sign in to the network</title>"
MANY = 1100
"""More records than are fetched without asking for the hash tiles first."""
_BUNDLE = msgspec.msgpack.Decoder(Bundle)
_ENCODER = msgspec.msgpack.Encoder()


@dataclass
class Arena:
    land: Federation
    liar: Liar
    at: Site
    hu: Site
    fr: Site
    canary: socket.socket
    signer: Ed25519Signer
    nursery: Nursery

    def seen(self) -> tuple[bytes, int]:
        """What `fr` holds of the log that is lied about."""
        return self.fr.checkpoint("at"), self.fr.mirror(self.at.origin).get("size", 0)

    def root_at(self, size: int) -> bytes:
        leaves = [
            self.at.get(f"/log/at/1/tile/0/000.p/{width}").body[-32:]
            for width in range(1, size + 1)
        ]
        return root_of(leaves)

    def whole_root(self, size: int) -> bytes:
        """What the site itself says its log's root was."""
        leaves: list[bytes] = []
        for number, start in enumerate(range(0, size, WIDTH)):
            width = min(WIDTH, size - start)
            tail = f"{number:03}" if width == WIDTH else f"{number:03}.p/{width}"
            body = self.at.get(f"/log/at/1/tile/0/{tail}").body
            leaves += [body[at : at + 32] for at in range(0, len(body), 32)]
        return root_of(leaves) if len(leaves) == size else b""

    def is_canary_calm(self) -> bool:
        """Say whether nobody came where redirects lead."""
        try:
            self.canary.accept()[0].close()
        except BlockingIOError:
            return True
        return False


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Arena]:
    base = tmp_path_factory.mktemp("arena")
    with federation(base, nursery) as land, socket.socket() as canary:
        canary.bind(("127.0.0.1", 0))
        canary.listen()
        canary.setblocking(False)
        land.start_coordinator()
        hu, fr = (land.new(code) for code in ("hu", "fr"))
        for site in (hu, fr):
            land.join(site)
        port = land.ports.take()
        at = land.new("at", url=f"http://127.0.0.1:{port}")
        liar = Liar(port, upstream=at.url)
        liar.start()
        try:
            land.join(at)
            land.wait_for(fr, at)
            signer = load_keys(at.folder, Role.LOG)[Role.LOG]
            yield Arena(land, liar, at, hu, fr, canary, signer, nursery)
        finally:
            liar.stop()


@dataclass(frozen=True)
class Case:
    """A lie, and what it must be called.

    Attributes:
        name: of the test.
        path: pattern of what is lied about.
        code: the reason.
        answer: what is said.
        grow: records appended after the lie began.
        most: bytes the node may take for it.
        is_partial: full bundles before the lie are proven and may be kept.
    """

    name: str
    path: str
    code: str
    answer: Callable[[Arena], Handler]
    grow: int = 1
    most: int = 24 * MEBIBYTE
    is_partial: bool = False


def always(handler: Handler) -> Callable[[Arena], Handler]:
    return lambda _: handler


def of_head(make: Callable[[Arena, int, bytes], bytes]) -> Callable[[Arena], Handler]:
    """Say a note made of the true size and root of the moment."""
    return lambda arena: twist(lambda note: make(arena, *read_head(note)))


def of_text(text: Callable[[str, int, bytes], str]) -> Callable[[Arena], Handler]:
    """Say a text that is no head, under a valid signature of the log's key."""
    return of_head(
        lambda arena, size, root: sign_anything(
            text(arena.at.origin, size, root), origin=arena.at.origin, signer=arena.signer
        )
    )


def of_size(size: object) -> Callable[[Arena], Handler]:
    return of_text(lambda origin, _, root: head_text(origin, size, root))


def of_note(change: Callable[[bytes], bytes]) -> Callable[[Arena], Handler]:
    return always(twist(change))


def of_items(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Arena], Handler]:
    """Say a bundle of other entries."""

    def twisted(truth: bytes) -> bytes:
        bundle = _BUNDLE.decode(truth)
        items = change([item for item in bundle.items if isinstance(item, bytes)])
        return _ENCODER.encode([items, bundle.documents])

    return always(twist(twisted))


def with_documents(truth: bytes) -> bytes:
    bundle = _BUNDLE.decode(truth)
    stray = RidingDocument(10_000_000, 0, bytes(32), b"stray")
    return _ENCODER.encode([bundle.items, [*bundle.documents, stray]])


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def swap_last(items: list[bytes]) -> list[bytes]:
    return [*items[:-2], items[-1], items[-2]]


def elsewhere(arena: Arena) -> Handler:
    port = arena.canary.getsockname()[1]
    return say(b"", status=302, headers={"Location": f"http://127.0.0.1:{port}/"})


def squeezed(kind: str, pack: Callable[[bytes], bytes]) -> Callable[[Arena], Handler]:
    """Say the truth, compressed in another way than is said."""
    return always(twist(pack, Content_Encoding=kind))


def bomb(kind: str, make: Callable[[int], bytes], mebibytes: int) -> Callable[[Arena], Handler]:
    return lambda _: say(make(mebibytes * MEBIBYTE), headers={"Content-Encoding": kind})


HEADS = (
    Case(
        "wrong-root",
        CHECKPOINT,
        "hos.tile",
        of_head(lambda a, size, _: sign_head(a.at.origin, size, bytes(32), a.signer)),
    ),
    Case(
        "other-root-at-the-held-size",
        CHECKPOINT,
        "hos.fork",
        of_head(lambda a, size, _: sign_head(a.at.origin, size, bytes(32), a.signer)),
        grow=0,
    ),
    Case(
        "older-head",
        CHECKPOINT,
        "hos.rollback",
        lambda a: say(sign_head(a.at.origin, 2, a.root_at(2), a.signer)),
    ),
    Case(
        "older-head-of-another-history",
        CHECKPOINT,
        "hos.fork",
        lambda a: say(sign_head(a.at.origin, 2, bytes(32), a.signer)),
    ),
    Case(
        "empty-log-with-a-root",
        CHECKPOINT,
        "ckp.format",
        of_size(0),
    ),
    Case(
        "head-beyond-the-log",
        CHECKPOINT,
        "hos.status",
        of_head(lambda a, size, root: sign_head(a.at.origin, size + 100, root, a.signer)),
    ),
    Case(
        "head-beyond-any-log",
        CHECKPOINT,
        "hos.oversize",
        of_head(lambda a, _, root: sign_head(a.at.origin, 2**48, root, a.signer)),
    ),
    Case("size-above-2^62", CHECKPOINT, "ckp.format", of_size(2**62 + 1)),
    Case("size-above-2^63", CHECKPOINT, "ckp.format", of_size(2**63)),
    Case("size-10^30", CHECKPOINT, "ckp.format", of_size(10**30)),
    Case("size-with-a-plus", CHECKPOINT, "ckp.format", of_size("+7")),
    Case("size-with-a-leading-zero", CHECKPOINT, "ckp.format", of_size("07")),
    Case("size-in-other-digits", CHECKPOINT, "ckp.format", of_size("\N{ARABIC-INDIC DIGIT SEVEN}")),
    Case(
        "short-root",
        CHECKPOINT,
        "ckp.format",
        of_text(lambda origin, size, root: head_text(origin, size, root[:31])),
    ),
    Case(
        "line-more",
        CHECKPOINT,
        "ckp.format",
        of_text(lambda origin, size, root: head_text(origin, size, root) + "more\n"),
    ),
    Case(
        "other-log",
        CHECKPOINT,
        "hos.origin",
        lambda a: say(a.hu.checkpoint("hu")),
    ),
    Case(
        "other-spelling-of-the-log",
        CHECKPOINT,
        "hos.origin",
        of_text(lambda origin, size, root: head_text(origin.upper(), size, root)),
    ),
    Case(
        "other-key",
        CHECKPOINT,
        "ckp.signature",
        of_head(lambda a, size, root: sign_head(a.at.origin, size, root, Ed25519Signer(bytes(32)))),
    ),
    Case(
        "flipped-signature",
        CHECKPOINT,
        "ckp.signature",
        of_note(lambda note: note[:-8] + (b"A" if note[-8:-7] != b"A" else b"B") + note[-7:]),
    ),
    Case(
        "no-signature",
        CHECKPOINT,
        "ckp.format",
        of_note(lambda note: note[: note.rindex(b"\n\n") + 2]),
    ),
    Case(
        "no-empty-line",
        CHECKPOINT,
        "ckp.format",
        of_note(lambda note: note.replace(b"\n\n", b"\n")),
    ),
    Case(
        "carriage-returns",
        CHECKPOINT,
        "ckp.format",
        of_note(lambda note: note.replace(b"\n", b"\r\n")),
    ),
    Case("no-last-newline", CHECKPOINT, "ckp.format", of_note(lambda note: note[:-1])),
    Case("not-utf-8", CHECKPOINT, "ckp.format", of_note(lambda note: note + b"\xff\n")),
    Case(
        "101-signatures",
        CHECKPOINT,
        "ckp.format",
        of_note(lambda note: note + foreign_line("stranger.example").encode() * 100),
    ),
    Case(
        "portal-page",
        CHECKPOINT,
        "ckp.format",
        always(say(PORTAL, headers={"Content-Type": "text/html"})),
    ),
    Case("nothing", CHECKPOINT, "ckp.format", always(say(b""))),
)

CARRIAGE = (
    Case("one-byte-too-long", CHECKPOINT, "hos.oversize", always(say(bytes(64 * 1024 + 1)))),
    Case("endless", CHECKPOINT, "hos.oversize", always(stream(flood))),
    Case("never-answers", CHECKPOINT, "hos.timeout", always(never)),
    Case("stalls-after-headers", CHECKPOINT, "hos.timeout", always(stream(hang))),
    Case("drips", CHECKPOINT, "hos.timeout", always(stream(drip))),
    Case("redirects", CHECKPOINT, "hos.redirect", elsewhere),
    Case("fails", CHECKPOINT, "hos.status", always(say(b"no", status=500))),
    Case("has-no-content", CHECKPOINT, "hos.status", always(say(b"", status=204))),
    Case("promises-more", CHECKPOINT, "hos.content", always(stream(cut, Content_Length="500"))),
    Case(
        "promises-a-gigabyte",
        BUNDLE,
        "hos.oversize",
        always(stream(hang, Content_Length=str(2**30))),
    ),
    Case("is-not-http", CHECKPOINT, "hos.content", always(raw_garbage)),
    Case("unknown-encoding", CHECKPOINT, "hos.content", squeezed("br", bytes)),
    Case("not-the-encoding-it-says", CHECKPOINT, "hos.content", squeezed("gzip", bytes)),
    Case("not-the-zstd-it-says", CHECKPOINT, "hos.content", squeezed("zstd", bytes)),
    Case(
        "gzip-ends-early",
        BUNDLE,
        "hos.content",
        squeezed("gzip", lambda truth: gzip.compress(truth)[:-9]),
    ),
    Case(
        "two-gzips",
        CHECKPOINT,
        "hos.content",
        squeezed("gzip", lambda truth: gzip.compress(truth) + gzip.compress(truth)),
    ),
    Case("nested-encodings", BUNDLE, "hos.content", squeezed("gzip, gzip", nested)),
    Case("nested-once-unpacked", BUNDLE, "hos.bundle", squeezed("gzip", nested)),
    Case("zstd-with-a-huge-window", BUNDLE, "hos.content", squeezed("zstd", wide_zstd)),
    Case("gzip-bomb", BUNDLE, "hos.oversize", bomb("gzip", gzip_bomb, 300), most=64 * MEBIBYTE),
    Case("zstd-bomb", BUNDLE, "hos.oversize", bomb("zstd", zstd_bomb, 300), most=64 * MEBIBYTE),
    Case(
        "bomb-just-under-the-limit",
        BUNDLE,
        "hos.bundle",
        bomb("gzip", gzip_bomb, 33),
        grow=3 * WIDTH,
        most=96 * MEBIBYTE,
    ),
    Case("bomb-for-a-head", CHECKPOINT, "hos.oversize", bomb("gzip", gzip_bomb, 300)),
    Case("endless-bundle", BUNDLE, "hos.oversize", always(stream(flood)), most=64 * MEBIBYTE),
    Case("bundle-drips", BUNDLE, "hos.timeout", always(stream(drip))),
    Case("bundle-redirects", BUNDLE, "hos.redirect", elsewhere),
)

BUNDLES = (
    Case("entry-missing", BUNDLE, "hos.bundle", of_items(lambda items: items[:-1])),
    Case("entry-twice", BUNDLE, "hos.bundle", of_items(lambda items: [*items, items[-1]])),
    Case("entries-swapped", BUNDLE, "hos.bundle", of_items(swap_last)),
    Case(
        "flipped-bit",
        BUNDLE,
        "hos.bundle",
        of_items(lambda items: [*items[:-1], flip(items[-1], 40)]),
    ),
    Case("entry-emptied", BUNDLE, "hos.bundle", of_items(lambda items: [*items[:-1], b""])),
    Case("byte-after-the-end", BUNDLE, "hos.bundle", of_note(lambda truth: truth + b"\0")),
    Case("byte-missing", BUNDLE, "hos.bundle", of_note(lambda truth: truth[:-1])),
    Case("longer-form", BUNDLE, "hos.bundle", of_note(lambda truth: b"\xdc\x00\x02" + truth[1:])),
    Case("document-of-elsewhere", BUNDLE, "hos.bundle", of_note(with_documents)),
    Case("portal-page-for-bundle", BUNDLE, "hos.bundle", always(say(PORTAL))),
    Case("no-bundle", BUNDLE, "hos.status", always(say(b"", status=404))),
    Case(
        "flipped-bit-in-a-full-bundle",
        BUNDLE,
        "hos.bundle",
        of_items(lambda items: [*items[:-1], flip(items[-1], 40)]),
        grow=MANY,
        is_partial=True,
    ),
)

TILES = (
    Case(
        "wrong-parent",
        r".*/tile/1/.*",
        "hos.tile",
        of_note(lambda tile: flip(tile, -1 % len(tile))),
        grow=MANY,
    ),
    Case("wrong-leaf", r".*/tile/0/.*", "hos.tile", of_note(lambda tile: flip(tile, 5)), grow=MANY),
    Case("hash-missing", TILE, "hos.tile", of_note(lambda tile: tile[:-32]), grow=MANY),
    Case("half-a-hash", TILE, "hos.tile", of_note(lambda tile: tile[:-16]), grow=MANY),
    Case(
        "hash-more", r".*/tile/1/.*", "hos.tile", of_note(lambda tile: tile + bytes(32)), grow=MANY
    ),
    Case("no-tile", TILE, "hos.status", always(say(b"", status=404)), grow=MANY),
)


@pytest.mark.parametrize("case", [*HEADS, *CARRIAGE, *BUNDLES, *TILES], ids=lambda case: case.name)
def test_refuses(arena: Arena, case: Case) -> None:
    before, held = arena.seen()
    arena.liar.tell(Lie(case.path, case.answer(arena)))
    if case.grow:
        arena.at.append(case.grow)
    arena.hu.append()
    counted = arena.fr.refusals(arena.at.origin).get(case.code, 0)
    memory = arena.fr.reset_peak()

    pulled = sync(arena.fr)[arena.at.origin]

    assert pulled.get("code") == case.code, pulled
    assert arena.fr.peak() - memory < case.most
    seen, size = arena.seen()
    assert seen == before
    assert size == held or case.is_partial
    check_is_told(arena, case.code, counted)
    check_others_go_on(arena)
    assert arena.is_canary_calm()
    check_twin(arena)


def check_is_told(arena: Arena, code: str, counted: int) -> None:
    """See the reason where an operator looks."""
    origin = arena.at.origin
    assert arena.fr.mirror(origin)["problem"]["code"] == code
    said = [one for one in arena.fr.call("status")["mirrors"] if one["origin"] == origin]
    assert said[0]["problem"]["code"] == code
    assert said[0]["failures"] >= 1
    assert arena.fr.refusals(origin)[code] > counted


def check_others_go_on(arena: Arena) -> None:
    arena.land.wait_for(arena.fr, arena.hu, patience=3)
    mirror = arena.fr.mirror(arena.hu.origin)
    assert mirror["lag_seconds"] < 3
    assert mirror["problem"] is None


def check_twin(arena: Arena) -> None:
    """See the same request accepted without the lie."""
    arena.liar.be_honest()
    settle(arena)
    pulled = sync(arena.fr)[arena.at.origin]
    assert "code" not in pulled, pulled
    assert arena.fr.checkpoint("at") == arena.at.checkpoint("at")
    wait_until(lambda: arena.fr.mirror(arena.at.origin)["failures"] == 0, "all is well again")
    assert arena.fr.mirror(arena.at.origin)["problem"] is None


def settle(arena: Arena) -> None:
    """Have the coordinator settle what stands against the site, as its officer would."""
    coordinator, origin = arena.land.coordinator, arena.at.origin
    nodes = (coordinator, arena.hu, arena.fr)

    def is_settled() -> bool:
        if not any(node.mirror(origin)["evidence"] for node in nodes):
            return True
        shown = coordinator.call("evidence")["evidence"]
        standing = [one for one in shown if one["stands"]]
        if standing:
            keep = [
                root
                for one in standing
                for size, root in zip(one["sizes"], one["roots"], strict=True)
                if root == arena.whole_root(size).hex()
            ]
            coordinator.call("set_membership", site="at", status="admitted", keep=keep)
        return False

    wait_until(is_settled, "everything is settled")
    wait_until(lambda: arena.at.status()["fence"]["state"] == "open", "at signs again")


@pytest.mark.parametrize(
    ("honest", "forked"),
    [(1, [1]), (2, [1]), (1, [1, 1]), (1, [MANY])],
    ids=["same-size", "smaller", "larger", "much-larger"],
)
def test_refuses_another_history(arena: Arena, honest: int, forked: Sequence[int]) -> None:
    fork = make_fork(arena.land, arena.nursery, arena.at)
    for _ in range(honest):
        arena.at.append()
    for count in forked:
        fork.append(count)
    sync(arena.fr)
    seen = arena.seen()
    assert seen[0] == arena.at.checkpoint("at")
    counted = arena.fr.refusals(arena.at.origin).get("hos.fork", 0)

    arena.liar.upstream = fork.url
    try:
        arena.hu.append()
        pulled = sync(arena.fr)[arena.at.origin]

        assert pulled.get("code") == "hos.fork", pulled
        assert arena.seen() == seen
        assert arena.fr.mirror(arena.at.origin)["evidence"]
        check_is_told(arena, "hos.fork", counted)
        check_others_go_on(arena)
    finally:
        arena.liar.upstream = arena.at.url
        fork.kill()
    check_twin(arena)


def test_a_history_of_which_only_a_part_came_is_evidence_too(arena: Arena) -> None:
    """The bundles before the last one are committed; the head they came under is kept with them."""
    sync(arena.fr)
    seen = arena.seen()
    fork = make_fork(arena.land, arena.nursery, arena.at)
    fork.append(MANY)
    arena.liar.tell(Lie(BUNDLE + r"\.p/.*", say(b"nothing")))
    arena.liar.upstream = fork.url
    try:
        sync(arena.fr)
        checkpoint, size = arena.seen()
        assert (checkpoint, size > seen[1], size % WIDTH) == (seen[0], True, 0)
        arena.fr.kill()
        arena.fr.start()
    finally:
        # In this order: with the liar honest, the rest of the fork would come.
        arena.liar.upstream = arena.at.url
        arena.liar.be_honest()
        fork.kill()

    arena.at.append()
    pulled = sync(arena.fr)[arena.at.origin]
    assert pulled.get("code") == "hos.fork", pulled
    assert arena.fr.checkpoint("at") == seen[0]
    assert arena.fr.mirror(arena.at.origin)["evidence"]
    check_twin(arena)


def test_drops_a_document_that_its_record_does_not_commit_to(arena: Arena) -> None:
    def lie(truth: bytes) -> bytes:
        bundle = _BUNDLE.decode(truth)
        false = [one._replace(content=b"\x81\xa4name\xa5wrong") for one in bundle.documents]
        return _ENCODER.encode([bundle.items, false])

    arena.liar.tell(Lie(BUNDLE, twist(lie)))
    document = {"name": "organisation", "content": encode({"legal_name": "Right"})}
    draft = organisation("AT") | {"documents": [document]}
    [outcome] = arena.at.call("append", drafts=[draft])["outcomes"]

    assert "code" not in sync(arena.fr)[arena.at.origin]

    path = f"/log/at/1/document/{outcome['index']}/0"
    assert arena.at.get(path).body == document["content"]
    assert arena.fr.get(path).status == 404
    check_twin(arena)
    arena.at.append()
    check_twin(arena)


def event(origin: str, *, size: int, note: str, **more: object) -> bytes:
    data = json.dumps({"origin": origin, "size": size, "note": note, **more})
    return f"event: checkpoint\ndata: {data}\n\n".encode()


def garbage(arena: Arena) -> bytes:
    lines = [
        b"data: not json",
        b"data: []",
        b"data: {}",
        b"data: 7",
        b"data: null",
        b"data:",
        b'data: {"origin": 1, "size": 2, "note": 3}',
        b'data: {"origin": {}, "size": 2, "note": "x"}',
        b'data: {"origin": "sopro.example/xx/1", "size": 2, "note": "x"}',
        b"data: " + b"[" * 100_000,
        b"\xff\xfe\x00",
        f'data: {{"origin": "{arena.at.origin}", "size": 1e400, "note": "x"}}'.encode(),
        f'data: {{"origin": "{arena.at.origin}", "size": true, "note": "x"}}'.encode(),
    ]
    surrogate = f'data: {{"origin": "{arena.at.origin}", "size": 9, "note": "\\ud800"}}'
    return b"\n\n".join([*lines, surrogate.encode(), b""]) + event(
        arena.at.origin, size=10**30, note="no head"
    )


def test_garbage_events_change_nothing(arena: Arena) -> None:
    seen = arena.seen()
    arena.liar.push(garbage(arena))
    wait_until(
        lambda: arena.fr.refusals(arena.at.origin).get("ckp.format"), "the pushed head is refused"
    )
    check_others_go_on(arena)
    assert arena.seen() == seen
    arena.at.append()
    arena.liar.push(event(arena.at.origin, size=10**6, note=arena.at.checkpoint("at").decode()))
    arena.land.wait_for(arena.fr, arena.at)
    check_twin(arena)


def base64(data: bytes) -> str:
    return b64encode(data).decode()


# From the new entries, how many entries came before them in their bundle.
PUSHED: dict[str, Callable[[list[bytes], int], dict[str, object]]] = {
    "the-truth": lambda new, _: {"bundle": base64(_ENCODER.encode([new, []]))},
    "other-entries": lambda new, _: {"bundle": base64(_ENCODER.encode([new[::-1], []]))},
    "a-flipped-bit": lambda new, _: {
        "bundle": base64(_ENCODER.encode([[flip(new[0], 50), *new[1:]], []]))
    },
    "too-few": lambda new, _: {"bundle": base64(_ENCODER.encode([new[1:], []]))},
    "too-many": lambda new, _: {"bundle": base64(_ENCODER.encode([[*new, b"more"], []]))},
    "foreign-documents": lambda new, at: {
        "bundle": base64(_ENCODER.encode([new, [[at - 1, 0, bytes(32), b"stray"]]]))
    },
    "no-bundle": lambda _new, _at: {"bundle": base64(PORTAL)},
    "no-base64": lambda _new, _at: {"bundle": "*"},
    "no-text": lambda _new, _at: {"bundle": [1, 2]},
    "from-before": lambda new, at: {"since": at - 1, "bundle": base64(_ENCODER.encode([new, []]))},
    "from-beyond": lambda new, _: {"since": 10**9, "bundle": base64(_ENCODER.encode([new, []]))},
    "from-nowhere": lambda new, _: {"since": -1, "bundle": base64(_ENCODER.encode([new, []]))},
    "from-words": lambda new, _: {"since": "now", "bundle": base64(_ENCODER.encode([new, []]))},
}


@pytest.mark.parametrize("kind", PUSHED)
def test_what_is_pushed_with_a_head_is_verified(arena: Arena, kind: str) -> None:
    """Where it is not what was signed, the node asks for it as if nothing had come."""
    check_twin(arena)
    for reader in (arena.hu, arena.land.coordinator):
        sync(reader)
    wait_until(lambda: arena.liar.listeners >= 3, "the nodes listen")
    _, since = arena.seen()
    arena.at.append()
    size, _ = read_head(arena.at.checkpoint("at"))
    number, width = divmod(size, WIDTH)
    truth = _BUNDLE.decode(arena.at.get(f"/log/at/1/bundle/{number:03}.p/{width}").body)
    new = [item for item in truth.items if isinstance(item, bytes)][since - size :]
    arena.liar.asked.clear()
    note = arena.at.checkpoint("at").decode()
    more = {"since": since} | PUSHED[kind](new, since)
    arena.liar.push(event(arena.at.origin, size=size, note=note, **more))
    for reader in (arena.fr, arena.hu, arena.land.coordinator):
        arena.land.wait_for(reader, arena.at)
    asked = sum("/bundle/" in path for path in arena.liar.asked)
    # Who hears of it from another reader first asks all the same.
    assert asked < 3 if kind == "the-truth" else asked > 0
    assert arena.fr.mirror(arena.at.origin)["problem"] is None
    check_twin(arena)


def test_an_endless_event_is_cut(arena: Arena) -> None:
    memory = arena.fr.reset_peak()
    counted = arena.fr.refusals(arena.at.origin).get("hos.oversize", 0)
    arena.liar.push(b"data: " + bytes(8 * MEBIBYTE))
    wait_until(
        lambda: arena.fr.refusals(arena.at.origin).get("hos.oversize", 0) > counted,
        "the endless line is refused",
    )
    assert arena.fr.peak() - memory < 16 * MEBIBYTE
    check_others_go_on(arena)
    check_twin(arena)


@pytest.mark.parametrize("kind", ["old-head", "no-head", "other-log"])
def test_a_flood_of_events_costs_little(arena: Arena, kind: str) -> None:
    """Each event says that there is something new, and there is not."""
    wait_until(lambda: arena.liar.listeners >= 3, "the nodes listen again")
    note = arena.at.checkpoint("at").decode() if kind == "old-head" else "no head"
    origin = arena.hu.origin if kind == "other-log" else arena.at.origin
    pieces = [
        b"".join(
            event(origin, size=10**6 + number * 100 + step, note=f"{note}{number}")
            for step in range(100)
        )
        for number in range(100)
    ]
    memory, spent = arena.fr.reset_peak(), arena.fr.processor_seconds()
    arena.liar.asked.clear()
    began = time.monotonic()
    arena.liar.push_without_end(lambda number: pieces[number % len(pieces)])
    arena.hu.append()
    arena.land.wait_for(arena.fr, arena.hu, patience=3)
    wait_until(lambda: time.monotonic() > began + 2, "two seconds are over")
    lasted = time.monotonic() - began
    assert arena.fr.processor_seconds() - spent < lasted * 0.4
    assert len(arena.liar.asked) < 3 * (10 + 3 * lasted)
    assert arena.fr.peak() - memory < 32 * MEBIBYTE
    check_others_go_on(arena)
    check_twin(arena)


KEY_LIES = {
    "nothing": (say(b""), "hos.keys"),
    "portal-page": (say(PORTAL), "hos.keys"),
    "empty-history": (say(_ENCODER.encode([])), "mem.untrusted"),
    "too-long": (say(bytes(MEBIBYTE + 1)), "hos.oversize"),
    "later-position": (
        twist(lambda truth: _ENCODER.encode([[1, msgspec.msgpack.decode(truth)[0][1]]])),
        "mem.untrusted",
    ),
    "flipped-bit": (
        twist(lambda truth: _ENCODER.encode([[0, flip(msgspec.msgpack.decode(truth)[0][1], 40)]])),
        "mem.untrusted",
    ),
    "never": (never, "hos.timeout"),
}


def test_refuses_wrong_keys_at_first_contact(land: Federation) -> None:
    land.start_coordinator()
    hu, fr = (land.new(code) for code in ("hu", "fr"))
    for site in (hu, fr):
        land.join(site)
    port = land.ports.take()
    at = land.new("at", url=f"http://127.0.0.1:{port}")
    liar = Liar(port, upstream=at.url)
    liar.start()
    try:
        lies = KEY_LIES | {"of-another-site": (say(hu.get("/log/hu/1/keys").body), "mem.untrusted")}
        for number, (answer, code) in enumerate(lies.values()):
            liar.tell(Lie(KEYS, answer))
            if number == 0:
                land.join(at)
                wait_until(lambda: fr.mirror(at.origin), "fr knows of at")
            assert sync(fr)[at.origin].get("code") == code
            assert fr.checkpoint("at") == b""
            assert fr.mirror(at.origin)["size"] == 0
        liar.be_honest()
        assert "code" not in sync(fr)[at.origin]
        assert fr.checkpoint("at") == at.checkpoint("at")
    finally:
        liar.stop()
