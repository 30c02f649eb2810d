"""One public key, one role, one site, for ever (SPEC KEY-6): who names a key of somebody else.

Each log is judged by itself, so a record that names a key of another site counts there. It wins
its site nothing, because the key's owner alone can sign with it. Still no site is admitted with
such a key, and where one names it later, people are told.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sopro_node.fetch import Fetch
from sopro_node.node import Node
from sopro_node.target import MAX_KEYS, parse_keys
from sopro_protocol.errors import FormatError, PeerError, RefusedError, VerificationError
from sopro_protocol.keys import key_id
from sopro_registry.family import KeySpan
from sopro_registry.keyhistory import open_key_history

_DEADLINE: Final = 5.0
_SHOWN: Final = 3


class Use(NamedTuple):
    """A key that a site has named in its log."""

    site: str
    span: KeySpan


def find_uses(node: Node, publics: Collection[bytes], *, other_than: str) -> Iterator[Use]:
    """Go through the keys among these that other sites than one have named in their logs."""
    for held in list(node.holdings.logs.values()):
        if held.site != other_than:
            yield from (Use(held.site, span) for span in held.keys if span.public in publics)


def list_shared(node: Node) -> list[tuple[Use, Use]]:
    """List the keys in force that two sites name, each with both."""
    first: dict[bytes, Use] = {}
    found = []
    for held in list(node.holdings.logs.values()):
        for span in held.keys:
            if span.until is not None or span.cut is not None:
                continue
            known = first.setdefault(span.public, Use(held.site, span))
            if known.site != held.site:
                found.append((known, Use(held.site, span)))
    return found


def warn_shared(node: Node) -> Iterator[str]:
    """Say which keys two sites name."""
    for one, other in list_shared(node):
        yield (
            f"{other.site} and {one.site} both name the key {one.span.key_id.hex()[:16]} "
            f"({other.span.role} and {one.span.role}); a key belongs to one site, so one of them "
            "has to replace it"
        )


def check_root(node: Node, site: str, root: bytes) -> None:
    """Refuse a root key that belongs to another site, in whatever role (SPEC JOIN-2).

    Raises:
        RefusedError: `mem.key`.
    """
    for use in find_uses(node, {root}, other_than=site):
        raise _refused(site, "root", root, use)
    entity = node.reader.named(1, "site_membership", f"root {root.hex()}")
    if entity is not None and entity != node.reader.named(1, "site_membership", site):
        raise RefusedError(
            f"{site}: its root key {key_id(root).hex()[:16]} has been that of another site; a site "
            "makes keys of its own",
            code="mem.key",
        )


async def check_keys(node: Node, request: Mapping[str, Any]) -> str | None:
    """Refuse the keys that a site comes with where another site has named one of them (JOIN-4).

    They are asked of the site's own node. Returns why that could not be done; None if it was.

    Raises:
        RefusedError: `mem.key`; `mem.untrusted` and others where the node serves another log.
    """
    site, origin, root = request["site"], request["origin"], request["root"]
    check_root(node, site, root)
    path = "/log/" + origin.split("/", 1)[1]
    failed = []
    async with Fetch(_DEADLINE, reach=node.settings.reach) as fetch:
        for url in request["urls"][:_SHOWN]:
            try:
                served = await fetch.get(f"{url.rstrip('/')}{path}/keys", limit=MAX_KEYS)
                spans = open_key_history(parse_keys(served.body), origin=origin, root=root)
            except (PeerError, FormatError) as error:
                failed.append(f"{url}: {error}")
                continue
            except VerificationError as error:
                raise RefusedError(
                    f"{site}: the node at {url} serves another log than that of this request: "
                    f"{error}",
                    code=error.code,
                ) from None
            roles = {span.public: span.role for span in spans}
            for use in find_uses(node, roles, other_than=site):
                raise _refused(site, roles[use.span.public], use.span.public, use)
            return None
    return "; ".join(failed)


def _refused(site: str, role: str, public: bytes, use: Use) -> RefusedError:
    return RefusedError(
        f"{site}: its {role} key {key_id(public).hex()[:16]} is the {use.span.role} key of "
        f"{use.site} already; a site makes keys of its own",
        code="mem.key",
    )
