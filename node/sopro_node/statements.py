"""What the coordinator checks of a statement of conformance before it admits on it (SPEC CONF-5).

The record lies in the site's own log, which nobody mirrors before the site is a member. So it is
fetched from the site's node, with the proofs that it stands there under a head the site has signed.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sopro_node import clock
from sopro_node.challenge import check_challenge
from sopro_node.fetch import Fetch
from sopro_node.node import Node
from sopro_node.target import MAX_KEYS, parse_keys
from sopro_protocol.errors import FormatError, PeerError, RefusedError, VerificationError
from sopro_protocol.keys import Role
from sopro_protocol.proof import MAX_PROOF_FILE
from sopro_protocol.tile import WIDTH, entries_path, parse_entry_bundle
from sopro_registry.certificate_file import Proven
from sopro_registry.certificate_log import CertificateLog, Placed
from sopro_registry.families.conformance_statement import Body, check_body, waived_in
from sopro_registry.fields import parse_day

_DEADLINE: Final = 10.0
_AHEAD: Final = 300_000
"""So many ms the clock of whoever ran the suite may be ahead."""
_MOST_KEYS: Final = 64
"""So many key records are fetched with their proofs; a log that joins has one or two."""
_BUNDLE: Final = WIDTH * 65_543
_COVERED: Final = {
    "coordinator": {"coordinator", "peer", "publisher", "reader", "witness"},
    "peer": {"peer", "publisher", "reader"},
    "publisher": {"publisher", "reader"},
}
"""What else a profile shows (conformance/README.md)."""


class Statement(NamedTuple):
    """A statement that was verified.

    Attributes:
        entry_id: of its record, which the membership names.
        body: what it says.
    """

    entry_id: bytes
    body: Body

    @property
    def fields(self) -> dict[str, Any]:
        """What the membership says of it (SPEC CONF-6)."""
        return {"conformance": self.entry_id, "conformance_until": self.body.valid_until}


async def open_statement(node: Node, request: Mapping[str, Any], index: int) -> Statement:
    """Fetch a site's statement and hold it to everything that CONF-5 asks for.

    Args:
        node: the coordinator's.
        request: `site`, `origin`, `root` and `urls` of who asks, or of the member.
        index: of the record in its log.

    Raises:
        PeerError: no node of the site gives it.
        FormatError, VerificationError: it is not what it has to be.
        RefusedError: `conf.*`.
    """
    placed = await _fetch(node, request, index)
    body = placed.read.body
    if not isinstance(body, Body):
        raise RefusedError(
            f"{request['site']}: entry {index} of {request['origin']} is no statement of "
            f"conformance but {placed.read.record.family}; 'sopro conformance state' says where "
            "it is",
            code="conf.missing",
        )
    check_statement(node, request, body)
    return Statement(placed.entry_id, body)


def check_statement(node: Node, request: Mapping[str, Any], body: Body) -> None:
    """Hold what a statement says to what this coordinator asks for.

    Raises:
        RefusedError: `conf.*`, the first that applies in the order of CONF-5.
    """
    site, settings = request["site"], node.settings
    check_body(body)
    check_challenge(node, body.nonce, site=site, origin=request["origin"], began=body.began)
    if body.ended > clock.now() + _AHEAD:
        raise RefusedError(
            f"{site}: its run has not ended yet, by the clock of this node; how long a statement "
            "is in force counts from there",
            code="conf.dates",
        )
    if not body.counts.passed:
        raise RefusedError(f"{site}: its statement says that nothing passed", code="conf.form")
    shown = set().union(*(_COVERED.get(one, {one}) for one in body.profiles))
    missing = [one for one in settings.admit_profiles if one not in shown]
    if missing:
        raise RefusedError(
            f"{site}: its statement shows {' and '.join(body.profiles)}, not "
            f"{' and '.join(missing)}, which admit_profiles asks for",
            code="conf.profile",
        )
    if settings.admit_suites and body.suite.hex() not in settings.admit_suites:
        raise RefusedError(
            f"{site}: its run was of the suite {body.suite.hex()}, which is not among admit_suites",
            code="conf.suite",
        )
    waived = [one for one in waived_in(body) if one not in settings.admit_waivers]
    if waived:
        raise RefusedError(
            f"{site}: its statement waives {', '.join(waived)}, which admit_waivers does not allow",
            code="conf.waiver",
        )
    if node.desk.today() > parse_day(body.valid_until, field="valid_until"):
        raise RefusedError(
            f"{site}: its statement ended on {body.valid_until}; it runs the suite again",
            code="conf.expired",
        )


async def _fetch(node: Node, request: Mapping[str, Any], index: int) -> Placed:
    """Fetch an entry with its proof, from the first node of the site that gives it.

    Raises:
        PeerError: none does.
        FormatError, VerificationError: what one gives is not so.
    """
    failed = []
    path = "/log/" + request["origin"].split("/", 1)[1]
    async with Fetch(_DEADLINE, reach=node.settings.reach) as fetch:
        for url in request["urls"]:
            try:
                return await _fetch_from(fetch, url.rstrip("/") + path, request, index)
            except PeerError as error:
                failed.append(f"{url}: {error}")
    raise PeerError(
        f"{request['site']}: its statement could not be fetched ({'; '.join(failed)}); it is asked "
        "for at the addresses of its request",
        code="hos.unreachable",
    )


async def _fetch_from(fetch: Fetch, base: str, request: Mapping[str, Any], index: int) -> Placed:
    served = await fetch.get(f"{base}/keys", limit=MAX_KEYS)
    records = parse_keys(served.body)
    if not 0 < len(records) <= _MOST_KEYS:
        raise FormatError(
            f"{base}/keys: expected 1 to {_MOST_KEYS} key records, got {len(records)}",
            code="hos.keys",
        )
    first, *later = [
        Proven(one.entry, await _fetch_proof(fetch, base, one.position)) for one in records
    ]
    log = CertificateLog(request["origin"], request["root"], first, later)
    proof = await _fetch_proof(fetch, base, index)
    entry = await _fetch_entry(fetch, base, index)
    try:
        return log.open(Proven(entry, proof), Role.REGISTRAR)
    except VerificationError as error:
        raise VerificationError(
            f"{request['site']}: entry {index} of {request['origin']} is no statement of "
            f"conformance that a registrar key has signed ({error}); 'sopro conformance state' "
            "says where it is",
            code=error.code,
        ) from None


async def _fetch_proof(fetch: Fetch, base: str, index: int) -> bytes:
    return (await fetch.get(f"{base}/proof/{index}", limit=MAX_PROOF_FILE)).body


async def _fetch_entry(fetch: Fetch, base: str, index: int) -> bytes:
    """Fetch one entry, in the narrowest bundle that has it."""
    number, place = divmod(index, WIDTH)
    path = entries_path(index=number, width=place + 1)
    body = (await fetch.get(f"{base}/{path}", limit=_BUNDLE)).body
    return parse_entry_bundle(body, width=place + 1)[place]
