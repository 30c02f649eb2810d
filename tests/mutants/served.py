"""Our node with one fault that shows over the network.

    python served.py NAME SECONDS serve FOLDER

The faults are here and nowhere in the node: each replaces a function of it, or changes what it
answers, before it is started. `run.py` has the adapter start this instead of the node.
"""

import itertools
import json
import re
import ssl
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import aiohttp
from aiohttp import web
from asking import ASKING
from astray import ASTRAY
from histories import SERVED

from sopro_cli import shifted

NETWORK: Final[dict[str, Callable[[], None]]] = SERVED | ASKING | ASTRAY
Change = Callable[[web.Request, web.Response], web.StreamResponse | None]
OWN: Final = "/log/at/1"


def fault(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(change: Callable[[], None]) -> Callable[[], None]:
        NETWORK[name] = change
        return change

    return enter


def answers(change: Change) -> None:
    """Change what the node answers."""
    old = web.Application._handle

    async def handle(self: web.Application, request: web.Request) -> web.StreamResponse:
        response = await old(self, request)
        if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
            return response
        return change(request, response) or response

    web.Application._handle = handle  # type: ignore[method-assign]


def other(response: web.Response, body: bytes, status: int = 0, **headers: str) -> web.Response:
    kept = {
        name: value
        for name, value in response.headers.items()
        if name.lower() not in ("content-length", "transfer-encoding")
    }
    return web.Response(status=status or response.status, body=body, headers=kept | headers)


def at(name: str, pattern: str, change: Callable[[web.Response], web.Response]) -> None:
    """Enter a fault that changes the answers to paths that match as a whole."""

    def alter(request: web.Request, response: web.Response) -> web.Response | None:
        return change(response) if re.fullmatch(pattern, request.path) else None

    NETWORK[name] = lambda: answers(alter)


def flip(data: bytes, place: int = -1) -> bytes:
    changed = bytearray(data)
    if changed:
        changed[place] ^= 1
    return bytes(changed)


def body_of(change: Callable[[bytes], bytes]) -> Callable[[web.Response], web.Response]:
    return lambda one: other(one, change(one.body)) if one.status == 200 else one  # type: ignore[arg-type]


def spoil_line(note: bytes) -> bytes:
    text, blank, lines = note.partition(b"\n\n")
    first, newline, rest = lines.partition(b"\n")
    letter = b"B" if first[-8:-7] == b"A" else b"A"
    return text + blank + first[:-8] + letter + first[-7:] + newline + rest


# What it serves of its own log.

at("N01", OWN + "/tile/[0-9]+/.*", body_of(flip))
at("N02", OWN + "/tile/.*", lambda one: other(one, b"", 200) if one.status != 200 else one)
at(
    "N03",
    OWN + "/.*",
    lambda one: other(one, one.body, **{"Cache-Control": "public, immutable"}),  # type: ignore[arg-type]
)
at("N05", OWN + "/bundle/.*", body_of(lambda data: data + b"\x00"))
at("N08", OWN + "/checkpoint", body_of(lambda data: data.replace(b"\n\n", b"\nextra\n\n", 1)))
at("N09", OWN + "/checkpoint", body_of(spoil_line))
at("N16", "/log/(?!at/).*/tile/[0-9]+/.*", body_of(flip))
at("R22", "/label/.*", body_of(lambda _: b"<p>A label of this site, by its number.</p>"))
at(
    "N94",
    "/api/v1/witness-policy",
    body_of(lambda data: data.replace(b"group ", b"group first any ", 1)),
)
at("N23", "/label/.*", lambda one: other(one, b"a page", 200))
at("N26", ".*/document/.*", lambda one: other(one, one.body, **{"SoPro-Document-Key": "00" * 32}))  # type: ignore[arg-type]


@fault("N04")
def other_tiles_after_a_start() -> None:
    import os  # noqa: PLC0415

    salt = os.getpid() % 251 + 1

    def change(request: web.Request, response: web.Response) -> web.Response | None:
        if response.status == 200 and re.fullmatch(OWN + "/tile/[0-9]+/.*", request.path):
            data = bytes(response.body)  # type: ignore[arg-type]
            return other(response, data[:-1] + bytes([data[-1] ^ salt]))
        return None

    answers(change)


@fault("N06")
def once_another_root() -> None:
    counted = itertools.count(1)

    def change(request: web.Request, response: web.Response) -> web.Response | None:
        if request.path == OWN + "/checkpoint" and response.status == 200 and next(counted) == 3:
            text, blank, lines = bytes(response.body).partition(b"\n\n")  # type: ignore[arg-type]
            origin, size, _root = text.split(b"\n")
            return other(response, b"\n".join((origin, size, b"A" * 43 + b"=")) + blank + lines)
        return None

    answers(change)


@fault("N07")
def one_position_for_all() -> None:
    module = import_module("sopro_node.appending")
    old = module._outcome
    module._outcome = lambda outcome: old(outcome) | {"index": 3}  # type: ignore[attr-defined]


@fault("N10")
def lines_of_strangers() -> None:
    line = "\u2014 strange.example/x " + "A" * 100 + "\n"
    at_checkpoint(lambda data: data + line.encode())


def at_checkpoint(change: Callable[[bytes], bytes]) -> None:
    def alter(request: web.Request, response: web.Response) -> web.Response | None:
        if request.path == OWN + "/checkpoint" and response.status == 200:
            return other(response, change(bytes(response.body)))  # type: ignore[arg-type]
        return None

    answers(alter)


# As a witness.

at("N11", "/witness/add-checkpoint", lambda one: other(one, b"", 422) if one.status == 409 else one)


@fault("N12")
def forgets_when_it_refuses() -> None:
    refused = False

    def change(request: web.Request, response: web.Response) -> web.Response | None:
        nonlocal refused
        if request.path == "/witness/add-checkpoint":
            refused = response.status in (403, 409, 422)
        elif request.path.startswith("/witness/") and refused:
            return other(response, b"", 404)
        return None

    answers(change)


@fault("N13")
def compares_without_order() -> None:
    witness = import_module("sopro_node.witness").Witness
    old = witness._try

    def compare(self: Any, submission: Any, fresh: dict[str, Any]) -> Any:
        alone: dict[str, Any] = {}
        outcome = old(self, submission, alone)
        fresh.update(alone)
        return outcome

    witness._try = compare


@fault("N14")
def stores_nothing_it_cosigned() -> None:
    import_module("sopro_node.store.others").Others.put_witness_head = lambda *_: None


@fault("N15")
def one_witness_is_a_quorum() -> None:
    import_module("sopro_registry.witnesses").quorum_of = lambda _body: 1  # type: ignore[attr-defined]


# As a mirror, and as one who asks others.


@fault("N17")
def keeps_no_evidence() -> None:
    module = import_module("sopro_node.office")

    async def evidence(*_: Any) -> dict[str, Any]:
        return {"evidence": []}

    module.OPERATIONS = dict(module.OPERATIONS) | {"evidence": evidence}  # type: ignore[attr-defined]
    at_json("/evidence", lambda said: said | {"evidence": []})


def at_json(pattern: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    def alter(request: web.Request, response: web.Response) -> web.Response | None:
        if response.status != 200 or not re.fullmatch(pattern, request.path):
            return None
        said = change(json.loads(bytes(response.body)))  # type: ignore[arg-type]
        kind = {"Content-Type": "application/json"}
        return web.Response(body=json.dumps(said).encode(), headers=kind)

    answers(alter)


@fault("N18")
def tells_nobody_why() -> None:
    module = import_module("sopro_node.office")
    old = module._pulled
    module._pulled = lambda result: {  # type: ignore[attr-defined]
        name: one for name, one in old(result).items() if name != "code"
    }


@fault("N19")
def labels_never_change() -> None:
    at_json("/api/v1/labels/.+", lambda said: said | {"status": "active"})


@fault("N20")
def is_always_current() -> None:
    module = import_module("sopro_node.standing")
    old = module.describe_standing

    def describe(node: Any) -> dict[str, Any]:
        said: dict[str, Any] = old(node)
        for one in said["mirrors"]:
            one |= {"problem": None, "lag_seconds": 0}
        return said

    for name in ("sopro_node.standing", "sopro_node.office"):
        vars(import_module(name))["describe_standing"] = describe


@fault("N21")
def nothing_is_void() -> None:
    at_json("/api/v1/voids/.+", lambda said: said | {"voids": []})


@fault("N33")
def follows_redirects() -> None:
    old = aiohttp.ClientSession._request

    async def request(self: Any, *args: Any, **named: Any) -> Any:
        return await old(self, *args, **(named | {"allow_redirects": True}))

    aiohttp.ClientSession._request = request  # type: ignore[method-assign]


@fault("N34")
def calls_whatever_is_named() -> None:
    import_module("sopro_node.reach").Reach.check_url = lambda *_: None


@fault("N35")
def believes_every_certificate() -> None:
    def tls(_self: Any) -> ssl.SSLContext:
        found = ssl.create_default_context()
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
        return found

    import_module("sopro_node.reach").Reach.tls = tls


# What it shows to whom, and what it refuses how.


@fault("N25")
def everybody_may_see() -> None:
    import_module("sopro_node.web.logs").LogPages._may_see = lambda *_: True


@fault("N27")
def shows_what_it_has_erased() -> None:
    kept: dict[str, web.Response] = {}

    def change(request: web.Request, response: web.Response) -> web.Response | None:
        if "/document/" not in request.path:
            return None
        if response.status == 200:
            kept[request.path] = response
            return None
        before = kept.get(request.path)
        return other(before, bytes(before.body)) if before else None  # type: ignore[arg-type]

    answers(change)


@fault("N98")
def finds_what_it_has_found_before() -> None:
    kept: dict[str, bytes] = {}

    def change(request: web.Request, response: web.Response) -> web.Response | None:
        if not request.path.startswith("/api/v1/directory") or response.status != 200:
            return None
        found = bytes(response.body)  # type: ignore[arg-type]
        return other(response, kept.setdefault(request.path_qs, found))

    answers(change)


@fault("N28")
def takes_whatever_is_sent() -> None:
    def change(request: web.Request, response: web.Response) -> web.Response | None:
        is_write = request.method not in ("GET", "HEAD") and response.status >= 400
        return web.Response(body=b"{}") if is_write else None

    answers(change)


@fault("N29")
def tells_of_the_machine() -> None:
    def change(_request: web.Request, response: web.Response) -> web.Response | None:
        told = b'Traceback (most recent call last):\n  File "/usr/lib/x.py"'
        return other(response, told, 500) if response.status >= 400 else None

    answers(change)


@fault("N30")
def no_body_is_too_large() -> None:
    def change(_request: web.Request, response: web.Response) -> web.Response | None:
        return other(response, b"", 200) if response.status == 413 else None

    answers(change)


@fault("N32")
def declares_a_mirror_too_many() -> None:
    at_json("/.well-known/sopro", lambda said: said | {"mirrors": [*said["mirrors"], "/log/zz/1"]})


@fault("Q13")
def cuts_names_in_half() -> None:
    at_json("/.well-known/sopro", lambda said: said | {"name": {"en": "\ud83d"}})


@fault("N36")
def answers_in_another_version() -> None:
    def change(request: web.Request, response: web.Response) -> web.Response | None:
        return web.Response(body=b"{}") if request.path.startswith("/api/v9/") else None

    answers(change)


@fault("N37")
def counts_one_too_many() -> None:
    at_json("/api/v1/statistics", lambda said: said | {"total": {"active": 10**6}})


@fault("R20")
def states_no_status() -> None:
    ledger = import_module("sopro_registry.projection").Ledger
    ledger.status_root = lambda _: None
    ledger.states_status = property(lambda _: False)


@fault("R21")
def takes_any_code() -> None:
    import_module("sopro_node.codelists").CodeLists.object_to = lambda *_: None


@fault("R23")
def counts_all_in_one_year() -> None:
    def change(said: dict[str, Any]) -> dict[str, Any]:
        sites = [one | {"decisions_by_year": {"2026": one["decisions"]}} for one in said["sites"]]
        return said | {"sites": sites}

    at_json("/api/v1/statistics", change)


# As a coordinator.


@fault("N38")
def admits_on_any_statement() -> None:
    import_module("sopro_node.statements").check_statement = lambda *_: None  # type: ignore[attr-defined]


@fault("N39")
def anybody_s_keys_will_do() -> None:
    async def check_keys(*_: Any) -> None:
        return None

    vars(import_module("sopro_node.memberships"))["check_keys"] = check_keys


def main() -> None:
    NETWORK[sys.argv.pop(1)]()
    shifted.main()


if __name__ == "__main__":
    main()
