"""A policy of sites meets the keys in their logs."""

from sopro_protocol.keys import Role
from sopro_protocol.policy import Policy, PolicyGroup, format_policy, parse_policy
from sopro_registry.families.witness_policy import Body
from sopro_registry.witnesses import SiteWitness, build_policy, keys_in_force, site_of
from tests.registry.world import World, signer

SITES = ("at", "hu", "si")


def key(name: str) -> bytes:
    return signer(f"{name} witness").public_key


def build(body: Body, **keys: list[bytes]) -> Policy | None:
    sites = {site: SiteWitness(held, f"https://{site}.example/w") for site, held in keys.items()}
    return build_policy(body, federation="sopro.example", sites=sites)


def test_each_site_is_a_witness_under_its_name() -> None:
    policy = build(Body(faulty=0, witnesses=[*SITES]), **{site: [key(site)] for site in SITES})
    assert policy is not None
    assert [witness.name for witness in policy.witnesses] == [*SITES]
    assert [witness.key.name for witness in policy.witnesses] == [
        f"sopro.example/{site}/witness" for site in SITES
    ]
    assert policy.groups == (PolicyGroup("Quorum", 2, SITES),)
    assert parse_policy(format_policy(policy).encode()) == policy


def test_a_site_counts_once_however_many_keys_it_has() -> None:
    many = [key(f"at {number}") for number in range(3)]
    body = Body(faulty=0, witnesses=["at", "hu"])
    policy = build(body, at=many, hu=[key("hu")])
    assert policy is not None
    assert [witness.name for witness in policy.witnesses] == ["at.1", "at.2", "at.3", "hu"]
    assert {site_of(witness.name) for witness in policy.witnesses} == {"at", "hu"}
    assert not policy.is_met({"at.1", "at.2", "at.3"})
    assert policy.is_met({"at.2", "hu"})
    assert parse_policy(format_policy(policy).encode()) == policy


def test_a_key_that_two_sites_name_counts_for_neither() -> None:
    """A cosignature does not hold its signer's name: one could be shown as two."""
    body = Body(faulty=0, quorum=2, witnesses=[*SITES])
    shared = key("hu")
    policy = build(body, at=[shared, key("at")], hu=[shared], si=[key("si")])
    assert policy is not None
    assert {witness.key.public_key for witness in policy.witnesses} == {key("at"), key("si")}
    assert not policy.is_met({"at", "hu"})
    assert build(body, at=[shared], hu=[shared], si=[key("si")]) is None


def test_sites_whose_keys_are_not_known_still_count_in_the_quorum() -> None:
    body = Body(faulty=1, witnesses=[*SITES, "fr"])
    policy = build(body, at=[key("at")], hu=[key("hu")], si=[key("si")])
    assert policy is not None
    assert not policy.is_met({"at", "hu"})
    assert policy.is_met({"at", "hu", "si"})
    assert build(body, at=[key("at")], hu=[key("hu")]) is None


def test_keys_in_force_are_those_of_the_latest_record(world: World) -> None:
    at = world.at
    size = len(at.entries)
    old = at.keys["witness"].public_key
    assert keys_in_force(at.cursor.keys, Role.WITNESS, size=size) == [old]
    new = signer("at second witness").public_key
    kept = {
        one.public_key: role for role, one in at.keys.items() if role not in ("root", "witness")
    }
    written = at.write_keys(kept | {new: "witness"})
    assert written.code is None
    assert keys_in_force(at.cursor.keys, Role.WITNESS, size=len(at.entries)) == [new]
    cut = [{"key": new, "size": len(at.entries) + 3}]
    assert at.write_keys(kept | {new: "witness"}, revoked=cut).code is None
    assert keys_in_force(at.cursor.keys, Role.WITNESS, size=len(at.entries)) == [new]
    assert keys_in_force(at.cursor.keys, Role.WITNESS, size=len(at.entries) + 2) == []
