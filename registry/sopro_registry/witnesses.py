"""The federation's witness policy with its keys, and how far a record has come.

A policy record names sites. Here it meets the keys in force at those sites and becomes a policy
that anybody can check notes with (`sopro_protocol.policy`), also offline and with others' tools.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from sopro_protocol.keys import COSIGNATURE, Role, make_vkey
from sopro_protocol.policy import Policy, PolicyGroup, PolicyLog, PolicyWitness
from sopro_protocol.witness import witness_name
from sopro_registry.families.witness_policy import Body, quorum_of
from sopro_registry.family import KeySpan

QUORUM = "Quorum"
"""Name of the group of sites; no site code has a capital letter."""


class Publication(Struct, frozen=True):
    """How far a record has come: each of these may be true without the next.

    Attributes:
        accepted: it is in the log, durably.
        published: it lies under a head that its site signed.
        witnessed: it lies under a head with the quorum of the federation's witness policy.
        mirrored: another node holds it too.
    """

    accepted: bool
    published: bool
    witnessed: bool
    mirrored: bool


NOWHERE = Publication(accepted=False, published=False, witnessed=False, mirrored=False)


@dataclass(frozen=True, slots=True)
class SiteWitness:
    """A site's witness: the public keys in force, and where it takes requests."""

    keys: Sequence[bytes]
    url: str = ""


def keys_in_force(spans: Iterable[KeySpan], role: Role, *, size: int) -> list[bytes]:
    """Return the public keys of a role that count at the end of a log of a size."""
    return [span.public for span in spans if span.role == role.value and span.counts_at(size)]


def site_of(name: str) -> str:
    """Return the site of a witness in a policy that `build_policy` made."""
    return name.partition(".")[0]


def build_policy(
    body: Body, *, federation: str, sites: Mapping[str, SiteWitness], logs: Sequence[PolicyLog] = ()
) -> Policy | None:
    """Give a policy record the keys of its sites (SPEC WIT-13, WIT-15).

    A site counts once however many keys it has, and a public key that two sites name counts for
    neither: one signature must not be two votes. None where too few sites are left for a quorum.
    """
    uses = Counter(key for site in body.witnesses for key in _keys(sites, site))
    witnesses: list[PolicyWitness] = []
    groups: list[PolicyGroup] = []
    members: list[str] = []
    for site in body.witnesses:
        keys = [key for key in _keys(sites, site) if uses[key] == 1]
        names = [site] if len(keys) == 1 else [f"{site}.{n}" for n in range(1, len(keys) + 1)]
        for name, key in zip(names, keys, strict=True):
            vkey = make_vkey(witness_name(federation, site), key, key_type=COSIGNATURE)
            witnesses.append(PolicyWitness(name, vkey, sites[site].url))
        if len(keys) > 1:
            groups.append(PolicyGroup(site, 1, tuple(names)))
        if keys:
            members.append(site)
    quorum = quorum_of(body)
    if quorum > len(members):
        return None
    groups.append(PolicyGroup(QUORUM, quorum, tuple(members)))
    return Policy(tuple(logs), tuple(witnesses), tuple(groups), QUORUM)


def _keys(sites: Mapping[str, SiteWitness], site: str) -> Sequence[bytes]:
    return sites[site].keys if site in sites else ()
