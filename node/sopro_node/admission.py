"""Asking for admission: a site asks the coordinator, which keeps the request (SPEC JOIN)."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from sopro_node import clock
from sopro_node.application import APPLICATION_CONTEXT, sign_application
from sopro_node.challenge import give_challenge
from sopro_node.continuing import check_log, continued
from sopro_node.drafting import Note
from sopro_node.fetch import Fetch
from sopro_node.identity import Invite, format_invite
from sopro_node.keyring import find_key
from sopro_node.keyuse import check_root
from sopro_node.node import Node
from sopro_node.pinning import check_invite, pin
from sopro_node.rootkeys import current_root, roots_of_site
from sopro_node.target import MAX_KEYS, parse_keys
from sopro_node.whereabouts import find_successor
from sopro_protocol.encoding import Value, decode, encode
from sopro_protocol.errors import (
    FormatError,
    NotFoundError,
    PeerError,
    RefusedError,
    VerificationError,
)
from sopro_protocol.keys import check_public_key, verify_ed25519
from sopro_registry.appointment import Appointed
from sopro_registry.families import site_membership
from sopro_registry.keyhistory import open_key_history

Answer = dict[str, Any]

MAX_APPLICATION: Final = 16 * 1024
MAX_APPLICATIONS: Final = 256


async def join(node: Node, values: Mapping[str, Any], _note: Note | None = None) -> Answer:
    """Pin the coordinator and ask it for admission.

    `invite`: its fields; `request`?: what `application` answered and its signature by the root
    key, where that key is not here; `peers`?: addresses of nodes that may know who goes on for a
    coordinator that is gone. Answers `asked`, `site`, `is_continued`, `appointed_by`: the sites
    that have appointed another coordinator than the invite names, if they have; and `nonce`: the
    challenge for the conformance suite, in hex, empty where the coordinator gives none.
    """
    if node.identity.coordinator:
        raise RefusedError("this node is the coordinator of its federation; it joins none")
    invite = msgspec.convert(values["invite"], Invite)
    check_invite(node, invite)
    request = values.get("request") or make_application(node)
    async with Fetch(reach=node.settings.reach) as fetch:
        nodes = [*values.get("peers", ()), *_members_known(node)]
        successor = await find_successor(invite, nodes, fetch)
        asked = nonce = ""
        if successor is None:
            try:
                asked, nonce = await _apply(invite, request, fetch)
            except (PeerError, RefusedError) as error:
                # Another node may have the address by now.
                successor = await find_successor(invite, invite.urls, fetch)
                if successor is None and isinstance(error, RefusedError):
                    raise
                if successor is None:
                    await pin(node, invite)
                    raise PeerError(
                        f"the coordinator could not be asked ({error}); the invite is pinned, run "
                        "the same command again when it can be reached; where it is gone for ever, "
                        "a member knows who goes on: add --peer with the address of a member's "
                        "node",
                        code="hos.unreachable",
                    ) from None
        if successor is not None:
            invite = replace(invite, urls=list(successor.urls))
            asked, nonce = await _apply_to_successor(node, invite, successor, request, fetch)
    await pin(node, invite)
    return {
        "asked": asked,
        "site": node.identity.site,
        "is_continued": bool(continued(node)),
        "appointed_by": list(successor.by) if successor else [],
        "nonce": nonce,
    }


def _members_known(node: Node) -> list[str]:
    """Return where members answer that this node knows from before."""
    members = node.holdings.directory.members()
    return [url for one in members if one.site != node.identity.site for url in one.urls]


async def _apply(invite: Invite, request: bytes, fetch: Fetch) -> tuple[str, str]:
    """Send a request to the first address of the coordinator that takes it.

    Returns that address, and the challenge that it answers with (SPEC CONF-4).

    Raises:
        PeerError: none could be asked.
        FormatError: another than the coordinator answers there.
        RefusedError: it is refused.
    """
    problem: PeerError | None = None
    for url in invite.urls:
        try:
            await check_coordinator(invite, url, fetch)
            place = f"{url.rstrip('/')}/api/v1/applications"
            answer = await fetch.post(place, request, limit=64 * 1024)
        except PeerError as error:
            problem = error
        else:
            return url, _read_challenge(answer.body)
    raise problem or PeerError("the invite names no address", code="hos.unreachable")


def _read_challenge(answer: bytes) -> str:
    try:
        nonce = str(msgspec.json.decode(answer, type=dict[str, Any]).get("nonce", ""))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    return nonce if re.fullmatch("[0-9a-f]{64}", nonce) else ""


async def _apply_to_successor(
    node: Node, invite: Invite, successor: Appointed, request: bytes, fetch: Fetch
) -> tuple[str, str]:
    try:
        return await _apply(invite, request, fetch)
    except PeerError as error:
        await pin(node, invite)
        raise PeerError(
            f"the coordinator that the invite names was succeeded: {', '.join(successor.by)} have "
            f"appointed who goes on at {', '.join(successor.urls)}, which could not be asked "
            f"({error}); that is pinned, run the same command again when it can be reached",
            code="hos.unreachable",
        ) from None


async def check_coordinator(invite: Invite, url: str, fetch: Fetch) -> None:
    """See that a node serves the coordinator's log under the root key that an invite names.

    Raises:
        FormatError: it serves another one, so the invite is wrong.
        PeerError: it cannot be asked.
    """
    path = "/log/" + invite.origin.split("/", 1)[1]
    served = await fetch.get(f"{url.rstrip('/')}{path}/keys", limit=MAX_KEYS)
    try:
        history = parse_keys(served.body)
        open_key_history(history, origin=invite.origin, root=invite.root_key, is_coordinator=True)
    except (FormatError, VerificationError):
        raise FormatError(
            f"the node at {url} is not the coordinator whose root key this invite names; "
            "ask the coordinator's operator for the invite file that is in force",
            code="mem.untrusted",
        ) from None


async def invite(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Write the federation's invite as it is now. Answers `invite`, the file's text.

    At the coordinator it names the address of its settings, elsewhere where the coordinator was
    last known to answer.

    Raises:
        RefusedError: this node belongs to no federation yet.
    """
    known = node.invite
    if known is None:
        raise RefusedError("this site has joined no federation, so it knows no invite")
    if node.identity.coordinator:
        known = msgspec.structs.replace(known, urls=[node.settings.public_url])
    return {"invite": format_invite(known)}


async def application(node: Node, _values: Mapping[str, Any]) -> Answer:
    """Write this site's request for admission. Answers `content` and `root`, who has to sign it."""
    return {"content": _application(node), "root": current_root(node)}


def make_application(node: Node) -> bytes:
    """Write this site's request for admission, signed by its root key.

    Raises:
        RefusedError: the root key is not here.
    """
    content = _application(node)
    file = find_key(node.folder, current_root(node), passphrase=node.passphrase)
    return sign_application(content, file.signer)


def _application(node: Node) -> bytes:
    identity = node.identity
    request: dict[str, Value] = {
        "country": identity.country,
        "languages": list(identity.languages),
        "name": dict(identity.name),
        "origin": identity.origin,
        "root": current_root(node),
        "site": identity.site,
        "time": clock.now(),
        "urls": [node.settings.public_url],
        "zone": identity.zone,
    }
    return encode(request | continued(node))


def open_application(data: bytes) -> dict[str, Any]:
    """Read a request for admission and check that the asker holds the root key it names.

    Raises:
        FormatError: it is none, or its key is weak.
        VerificationError: it is not signed by that key.
    """
    match decode(data, limit=MAX_APPLICATION):
        case [bytes(content), bytes(signature)]:
            pass
        case _:
            raise FormatError("application: expected [request, signature]", code="mem.format")
    request = decode(content, limit=MAX_APPLICATION)
    if not isinstance(request, dict) or not isinstance(request.get("root"), bytes):
        raise FormatError("application: expected a map with a root key", code="mem.format")
    check_public_key(request["root"])
    verify_ed25519(request["root"], message=APPLICATION_CONTEXT + content, signature=signature)
    try:
        msgspec.convert(
            {**request, "status": "applicant", "prefix": "000", "effective_date": "2000-01-01"},
            site_membership.Body,
        )
    except msgspec.ValidationError as error:
        raise FormatError(f"application: {error}", code="mem.format") from None
    return request


async def receive_application(node: Node, data: bytes) -> Answer:
    """Keep a request for admission until the coordinator's officer decides on it.

    Answers `status`, and `nonce`: a challenge for the conformance suite (SPEC CONF-4).

    Raises:
        RefusedError: this node is not the coordinator, or the name or the root key is taken.
        UnavailableError: members have put another in its place.
        FormatError, VerificationError: as `open_application`.
    """
    if not node.identity.coordinator:
        raise NotFoundError("this node is not the coordinator; it admits nobody")
    node.settling.check_in_place()
    request = open_application(data)
    site = request["site"]
    if site == node.identity.site:
        raise RefusedError(f"the site code {site!r} is the coordinator's own", code="mem.name")
    federation = node.identity.federation
    if request["origin"].rsplit("/", 1)[0] != f"{federation}/{site}":
        raise RefusedError(
            f"application: origin {request['origin'][:80]!r}, expected {federation}/{site}/<epoch>",
            code="mem.name",
        )
    member = node.holdings.directory.membership(site)
    check_log(member, request)
    if member is not None and request["root"] not in roots_of_site(node, member):
        raise RefusedError(
            f"the site code {site!r} is taken by another root key; where its successor has "
            "replaced it, ask again when the coordinator has this site's log",
            code="mem.name",
        )
    if member is not None and member.status == "expelled":
        raise RefusedError(
            f"{site} was expelled, which is for ever; its code is not given again",
            code="mem.status",
        )
    check_root(node, site, request["root"])
    waiting = {known: held for known, _, held in node.reader.others.applications()}
    if (
        member is None
        and site in waiting
        and open_application(waiting[site])["root"] != request["root"]
    ):
        raise RefusedError(f"the site code {site!r} is being asked for already", code="mem.name")
    if len(waiting) >= MAX_APPLICATIONS and site not in waiting:
        raise RefusedError("too many open requests; ask the coordinator", code="mem.full")
    if member is not None and (member.status, member.origin, list(member.urls), member.root) == (
        "admitted",
        request["origin"],
        request["urls"],
        request["root"],
    ):
        return {"status": "admitted", "nonce": await _challenge(node, request)}

    def keep() -> None:
        with node.store.transaction():
            node.store.others.put_application(site, clock.now(), data)

    await node.writer.run(keep)
    return {"status": "received", "nonce": await _challenge(node, request)}


async def _challenge(node: Node, request: Mapping[str, Any]) -> str:
    nonce = await give_challenge(node, site=request["site"], origin=request["origin"])
    return nonce.hex()


async def drop_application(node: Node, site: str) -> None:
    """Forget a request for admission."""

    def drop() -> None:
        with node.store.transaction():
            node.store.others.cut_application(site)

    await node.writer.run(drop)
