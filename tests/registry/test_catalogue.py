import re

import pytest
from msgspec.structs import fields

from sopro_protocol.record import FAMILY_PATTERN
from sopro_registry.catalogue import FAMILIES, READERS, decode_state, encode_state
from sopro_registry.relations import relations_entity
from tests.registry.assessing import APPLICATION, REVIEW, Assessing
from tests.registry.test_anchors import Dispute
from tests.registry.world import (
    World,
    bytes16,
    codelist_body,
    commitment,
    criterion_body,
    erasure_body,
    orphan_erasure_body,
    receipt_body,
    recovery_body,
    statement_body,
    withhold_body,
)


def complain(world: World) -> None:
    day = {"effective_date": "2026-02-01"}
    heard = {"certificate": "SOPRO/AT1/001/00001", "kind": "misuse", "received_on": "2026-02-01"}
    assert world.at.write("complaint/1", heard, entity=bytes16("complaint")).code is None
    about = {"label": bytes16("label")}
    answer = {"complaint": bytes(32), "index": 7, "origin": world.hu.origin, "step": "acknowledged"}
    body = answer | about | day
    assert world.at.write("complaint_answer/1", body, entity=bytes16("answer")).code is None
    appeal = {"decision": world.at.decisions()[0].index, "step": "received"} | about | day
    assert world.at.write("appeal/1", appeal, entity=bytes16("appeal")).code is None
    assert world.at.write("import_closed/1", day, entity=bytes16("closed")).code is None


EXPECTED = {
    "anchor/1",
    "criterion/1",
    "key_recovery/1",
    "label_decision/1",
    "log_state/1",
    "offering/1",
    "organisation/1",
    "scheme/1",
    "serve_alone/1",
    "site_keys/1",
    "site_membership/1",
    "witness_policy/1",
}


def test_lists_every_family_under_its_name() -> None:
    assert {family.title for family in FAMILIES.values()} >= EXPECTED
    assert all(name == family.name for name, family in FAMILIES.items())
    assert READERS.keys() == {family.title for family in FAMILIES.values()}


@pytest.mark.parametrize("name", FAMILIES)
def test_body_declares_its_fields_in_alphabetical_order(name: str) -> None:
    family = FAMILIES[name]
    names = [field.encode_name for field in fields(family.body)]
    assert names == sorted(names)
    assert re.match(FAMILY_PATTERN, family.title)


@pytest.mark.parametrize("name", FAMILIES)
def test_says_what_every_field_means(name: str) -> None:
    documented = set(re.findall(r"(?m)^ {4,8}([a-z_]+): ", FAMILIES[name].body.__doc__ or ""))
    assert documented == {field.name for field in fields(FAMILIES[name].body)}


def test_states_survive_the_tables(world: World) -> None:
    world.at.decide("grant", basis="imported")
    world.coordinator.write("criterion/1", criterion_body(), entity=bytes16("criterion"))
    world.at.write("erasure/1", erasure_body(), entity=bytes16("erasure"))
    receipt = receipt_body(world.hu.origin)
    world.at.write("erasure_receipt/1", receipt, entity=bytes16("receipt"))
    world.at.write("conformance_statement/1", statement_body(), entity=bytes16("statement"))
    policy = {"faulty": 0, "witnesses": ["at", "hu"]}
    world.coordinator.write("witness_policy/1", policy, entity=bytes16("policy"))
    lists = {"entity": bytes16("list"), "docs": [commitment("codelist")]}
    world.coordinator.write("codelist/1", codelist_body(), **lists)
    about = bytes16("organisation")
    alone = {"organisation": about, "relations": []}
    world.at.write("organisation_relation/1", alone, entity=relations_entity(about))
    world.at.write("anchor/1", Dispute().body(), entity=bytes16("anchor"), role="root")
    world.at.write("serve_alone/1", {"peers": 2, "reason": "none"}, entity=bytes16("alone"))
    world.at.write("key_recovery/1", recovery_body(world.hu), entity=bytes16("r"), role="root")
    world.at.write("serve_alone/1", {"peers": 2, "reason": "none"}, entity=bytes16("withheld"))
    world.at.write_state(world.coordinator)
    body = withhold_body(world.at, len(world.at.entries) - 2)
    world.at.write("withhold/1", body, entity=bytes16("withhold"), role="root")
    world.put_membership(world.hu, status="left")
    orphan = orphan_erasure_body(world.hu.origin)
    world.coordinator.write("orphan_erasure/1", orphan, entity=bytes16("orphan"))
    case = Assessing()
    case.bring_to("reviewed")
    case.at.decide("grant", application=APPLICATION, review=REVIEW)
    complain(case.world)
    seen = set()
    for author in (world.at, world.coordinator, case.at, case.world.coordinator):
        for entity, (family, *_) in author.tables.rows.items():
            state = author.node.state(author.origin, entity)
            assert decode_state(family, encode_state(state)) == state
            seen.add(family)
    assert seen == FAMILIES.keys()
