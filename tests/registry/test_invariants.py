"""The domain model's invariants, each tried to be broken: at intake, and by a hostile mirrored log.

An attempt is a record that a site means to write. Its own node refuses it with a sentence that
names the rule; a site that writes it all the same gets it void, with the same reason at every node
and with nothing following from it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.registry.assessing import (
    APPLICATION,
    ASSESSOR,
    DECIDER,
    EVALUATION,
    REVIEW,
    REVIEWER,
    Assessing,
    findings,
)
from tests.registry.world import Author, Node, World, Written, bytes16, scheme_body

LABEL = bytes16("label")
DECISION = "label_decision/1"


class Act(NamedTuple):
    """A record that a site means to write."""

    author: Author
    family: str
    body: dict[str, Any]
    entity: bytes
    role: str = "registrar"


class Attempt(NamedTuple):
    """What would break an invariant, and the reason it comes to nothing."""

    rule: str
    what: str
    code: str
    bring: Callable[[Assessing], Act]


# What sites try.


def reviewed(case: Assessing, **evaluation: Any) -> Assessing:
    case.bring_to("evaluated", **evaluation)
    assert case.give_review().code is None
    return case


def granted(case: Assessing) -> Assessing:
    assert reviewed(case).at.decide("grant", application=APPLICATION, review=REVIEW).code is None
    return case


def grant(case: Assessing, **changes: Any) -> Act:
    named = {"application": APPLICATION, "review": REVIEW} | changes
    return Act(case.at, DECISION, case.at.decision("grant", **named), LABEL, "decision")


def decide(case: Assessing, action: str, **changes: Any) -> Act:
    body = granted(case).at.decision(action, **changes)
    return Act(case.at, DECISION, body, LABEL, "decision")


def decide_elsewhere(case: Assessing, action: str) -> Act:
    """Have a site decide on the label of another."""
    number = granted(case).at.number(1)
    hu = case.world.hu
    assert hu.write_state(case.world.coordinator).code is None
    body = hu.decision(action, certificate=number, label="theirs")
    if action == "grant":
        body |= {"basis": "imported"}
    return Act(hu, DECISION, body, bytes16("theirs"), "decision")


def reinstate(case: Assessing, result: str = "conform", **changes: Any) -> Act:
    """Try to reinstate a label that a survey had found so."""
    granted(case)
    survey = {"application": None, "kind": "surveillance", "label": LABEL}
    found = [{"code": "S2", "result": result}]
    assert case.evaluate(entity=bytes16("survey"), findings=found, **survey).code is None
    assert case.at.decide("suspend").code is None
    return Act(case.at, DECISION, case.at.decision("reinstate", **changes), LABEL, "decision")


def review_some(case: Assessing) -> Act:
    case.bring_to("evaluated")
    bad = findings(S1="major_nc")
    assert case.evaluate(entity=bytes16("second"), findings=bad).code is None
    return Act(case.at, "review/1", case.review(), REVIEW)


def employed(case: Assessing) -> Act:
    case.bring_to("accepted")
    assert case.authorise(organisation=bytes16("organisation")).code is None
    return Act(case.at, "evaluation/1", case.evaluation(), EVALUATION)


def authorised_twice(case: Assessing) -> Act:
    """Authorise one of the applicant's people once more, as nobody's."""
    case.bring_to("accepted")
    own = case.authorisation(organisation=bytes16("organisation"), level="second_party")
    entity = bytes16("of their own")
    assert case.at.write("assessor_authorisation/1", own, entity=entity).code is None
    return Act(case.at, "evaluation/1", case.evaluation(), EVALUATION)


def withdrawn(case: Assessing) -> Act:
    """Authorise somebody anew who was withdrawn, for days before."""
    case.bring_to("accepted")
    assert case.authorise(status="withdrawn", effective_date="2025-11-01").code is None
    again = case.authorisation(effective_date="2025-11-01")
    return Act(case.at, "assessor_authorisation/1", again, bytes16("anew"))


def appeal(case: Assessing, person: bytes) -> Act:
    index = granted(case).at.decisions()[-1].index
    body = {"decision": index, "effective_date": "2026-02-01", "label": LABEL, "step": "received"}
    assert case.at.write("appeal/1", body, entity=bytes16("appeal")).code is None
    panel = sorted([bytes16("somebody else"), person])
    body |= {"step": "panel", "panel": panel}
    return Act(case.at, "appeal/1", body, bytes16("appeal"))


def review(case: Assessing) -> Act:
    case.bring_to("evaluated")
    return Act(case.at, "review/1", case.review(reviewer=ASSESSOR), REVIEW)


def evaluate(case: Assessing, **changes: Any) -> Act:
    case.bring_to("accepted")
    return Act(case.at, "evaluation/1", case.evaluation(**changes), EVALUATION)


def grant_again(case: Assessing, **changes: Any) -> Act:
    """Try to grant another label under the number of the first."""
    granted(case)
    body = case.at.decision("grant", basis="imported", label="second", **changes)
    return Act(case.at, DECISION, body, bytes16("second"), "decision")


def outlive(case: Assessing) -> Act:
    """Let an application rest on criteria that may no longer be used."""
    reviewed(case)
    changes = {"applies_from": "2025-12-20", "published_on": "2025-12-01", "version": 2}
    assert case.put_set(**changes).code is None
    case.act()
    return grant(case)


def restate(case: Assessing, **changes: Any) -> Act:
    body = case.set_body(**changes)
    return Act(case.world.coordinator, "criteria_set/1", body, bytes16("criteria"))


def criterion(case: Assessing, entity: str, **changes: Any) -> Act:
    author = case.world.coordinator
    held = author.node.state(author.origin, bytes16("criterion S1")).versions[-1][1]
    base = {name: value for name in held.__struct_fields__ if (value := getattr(held, name))}
    return Act(author, "criterion/1", base | changes, bytes16(entity))


def loosen(case: Assessing) -> Act:
    """Have a country ask for less than all countries do."""
    changes = {"code": "AT1", "country": "AT", "threshold": 24, "tightens": "S1"}
    return criterion(case, "criterion AT1", **changes)


def precede(case: Assessing) -> Act:
    """Suspend from a day before the last decision holds."""
    later = {"effective_date": "2026-03-01", "decided_on": "2026-03-01"}
    assert granted(case).at.decide("correct", **later).code is None
    body = case.at.decision("suspend", effective_date="2026-02-01", decided_on="2026-02-01")
    return Act(case.at, DECISION, body, LABEL, "decision")


LATE = {"valid_from": "2026-01-10", "valid_until": "2028-01-11"}
ATTEMPTS = [
    Attempt("I1", "another site grants its number", "lbl.competence",
            lambda case: decide_elsewhere(case, "grant")),
    Attempt("I1", "another site revokes it", "lbl.transition",
            lambda case: decide_elsewhere(case, "revoke")),
    Attempt("I2", "an assessor decides", "ass.duties",
            lambda case: grant(reviewed(case), decider=ASSESSOR)),
    Attempt("I2", "an assessor refuses", "ass.duties",
            lambda case: Act(case.at, DECISION, reviewed(case).at.decision(
                "refuse", application=APPLICATION, review=REVIEW, decider=ASSESSOR), LABEL,
                "decision")),
    Attempt("I2", "an assessor reviews", "ass.duties", review),
    Attempt("I2", "who decided hears the appeal", "ass.duties", lambda case: appeal(case, DECIDER)),
    Attempt("I2", "who reviewed hears the appeal", "ass.duties",
            lambda case: appeal(case, REVIEWER)),
    Attempt("I2", "who evaluated hears the appeal", "ass.duties",
            lambda case: appeal(case, ASSESSOR)),
    Attempt("I2", "an assessor revokes", "ass.duties",
            lambda case: decide(case, "revoke", decider=ASSESSOR)),
    Attempt("I2", "an assessor corrects", "ass.duties",
            lambda case: decide(case, "correct", decider=ASSESSOR)),
    Attempt("I2", "an assessor suspends for what was found", "ass.duties",
            lambda case: decide(case, "suspend", decider=ASSESSOR)),
    Attempt("I2", "an assessor reinstates", "ass.duties",
            lambda case: reinstate(case, decider=ASSESSOR)),
    Attempt("I3", "reinstating what a third party has found wrong", "ass.outcome",
            lambda case: reinstate(case, "major_nc")),
    Attempt("I3", "a review that leaves out an evaluation", "ass.subject",
            review_some),
    Attempt("I3", "an evaluation that drops what it found", "ass.findings",
            lambda case: Act(case.at, "evaluation/1", reviewed(
                case, findings=findings(S3="major_nc")).evaluation(findings=findings(S3=None)),
                EVALUATION)),
    Attempt("I3", "from outside the federation, and nobody evaluated", "lbl.precondition",
            lambda case: Act(case.at, DECISION, case.at.decision("transfer_in"), LABEL,
                             "decision")),
    Attempt("I4", "who works for the applicant evaluated", "ass.authority",
            employed),
    Attempt("I4", "who works for the applicant evaluated, authorised once more", "ass.authority",
            authorised_twice),
    Attempt("I3", "who was withdrawn comes back for days before", "lbl.dates", withdrawn),
    Attempt("I3", "no application", "lbl.precondition",
            lambda case: grant(reviewed(case), application=None)),
    Attempt("I3", "no review", "lbl.precondition", lambda case: grant(reviewed(case), review=None)),
    Attempt("I3", "an application of nobody", "ass.subject",
            lambda case: grant(reviewed(case), application=bytes16("nobody"))),
    Attempt("I3", "a mandatory criterion is not met", "ass.outcome",
            lambda case: grant(reviewed(case, findings=findings(S1="minor_nc")))),
    Attempt("I3", "a major non-conformity is open", "ass.outcome",
            lambda case: grant(reviewed(case, findings=findings(S3="major_nc")))),
    Attempt("I3", "too few points", "ass.outcome",
            lambda case: grant(reviewed(case, findings=findings(S3=4)))),
    Attempt("I3", "an evaluation of more than a year ago", "ass.outcome",
            lambda case: grant(reviewed(case, performed_on="2025-01-09"))),
    Attempt("I3", "other criteria than those in force", "lbl.criteria", outlive),
    Attempt("I3", "an assessor whom nobody authorised", "ass.authority",
            lambda case: evaluate(case, assessors=[
                {"authorisation": bytes16("none"), "person": ASSESSOR}])),
    Attempt("I3", "another than was authorised", "ass.authority",
            lambda case: evaluate(case, assessors=[
                {"authorisation": bytes16("authorisation"), "person": DECIDER}])),
    Attempt("I4", "only the second party evaluated", "ass.outcome",
            lambda case: grant(reviewed(case, level="second_party"))),
    Attempt("I4", "only who offers it evaluated", "ass.outcome",
            lambda case: grant(reviewed(case, level="self"))),
    Attempt("I5", "reinstating what stands", "lbl.transition",
            lambda case: decide(case, "reinstate")),
    Attempt("I5", "granting it twice", "lbl.transition", lambda case: decide(case, "grant")),
    Attempt("I5", "in force before the decision it follows", "lbl.dates",
            precede),
    Attempt("I5", "decided after it was recorded", "lbl.dates",
            lambda case: decide(case, "suspend", decided_on="2028-01-03")),
    Attempt("I5", "valid before it was decided", "lbl.dates",
            lambda case: grant(reviewed(case), valid_from="2026-01-09")),
    Attempt("I5", "valid for longer than the scheme allows", "lbl.dates",
            lambda case: grant(reviewed(case), **LATE)),
    Attempt("I6", "a suspension without a reason", "lbl.precondition",
            lambda case: decide(case, "suspend", reason_code=None)),
    Attempt("I6", "a suspension without an end", "lbl.precondition",
            lambda case: decide(case, "suspend", suspended_until=None)),
    Attempt("I6", "a suspension that ends before it begins", "lbl.dates",
            lambda case: decide(case, "suspend", suspended_until="2026-01-09")),
    Attempt("I6", "revoking without an appeal", "lbl.precondition",
            lambda case: decide(case, "revoke", appeal_until=None)),
    Attempt("I7", "a number given twice", "lbl.competence",
            lambda case: grant_again(case, certificate="SOPRO/AT1/001/00001")),
    Attempt("I7", "a number of another site", "lbl.competence",
            lambda case: grant_again(case, certificate="SOPRO/HU1/001/00009")),
    Attempt("I7", "another number later", "lbl.reference",
            lambda case: decide(case, "suspend", certificate="SOPRO/AT1/001/00009")),
    Attempt("I9", "a version of the criteria said anew", "lbl.criteria",
            lambda case: restate(case, min_points=1)),
    Attempt("I9", "a threshold said anew", "lbl.criteria",
            lambda case: criterion(case, "criterion S1", threshold=1)),
    Attempt("I9", "a country asks for less", "lbl.criteria", loosen),
]  # fmt: skip


def named(attempt: Attempt) -> str:
    return f"{attempt.rule} {attempt.what}"


def judge(act: Act) -> Written:
    return act.author.judge(act.family, act.body, entity=act.entity, role=act.role)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=named)
def test_a_draft_is_refused_with_a_sentence_that_names_the_rule(attempt: Attempt) -> None:
    act = attempt.bring(Assessing())
    size = len(act.author.entries)
    written = judge(act)
    assert written.code == attempt.code
    assert written.judgement.void is not None
    # A transition is of I5 whoever tries it; that another site's entity is none follows from I1.
    rule = "I5" if attempt.what == "another site revokes it" else attempt.rule
    assert rule in written.judgement.void.message.rpartition("(")[2]
    assert len(act.author.entries) == size


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=named)
def test_a_hostile_entry_is_void_at_every_node_and_changes_nothing(attempt: Attempt) -> None:
    case = Assessing()
    act = attempt.bring(case)
    world = case.world
    before = states(world.node, world)
    written = act.author.write(act.family, act.body, entity=act.entity, role=act.role)
    assert written.code == attempt.code
    for authors in ([world.at, world.hu], [world.hu, world.at]):
        node = World.new_node()
        for author in (world.coordinator, *authors):
            assert node.deliver(author.origin, author.entries) == len(author.entries)
        void = node.replicas[act.author.origin].tables.voids[len(act.author.entries) - 1]
        assert void.code == attempt.code
        assert states(node, world) == before
    assert states(world.node, world) == before


def states(node: Node, world: World) -> dict[str, Any]:
    """Return every state, name and count that follows from the logs at a node."""
    found = {}
    for author in (world.coordinator, world.at, world.hu):
        tables = node.replicas[author.origin].tables
        found[author.origin] = (
            {entity: row[2] for entity, row in tables.rows.items() if row[2] is not None},
            dict(tables.names),
            dict(tables.labels),
            dict(tables.counts),
        )
    return found


@pytest.mark.parametrize(
    ("rule", "bring"),
    [
        ("I2", lambda case: grant(reviewed(case))),
        ("I3", lambda case: grant(reviewed(case, findings=findings(S3=5)))),
        ("I4", lambda case: grant(reviewed(case))),
        ("I5", lambda case: grant(reviewed(case), valid_until="2028-01-10")),
        ("I6", lambda case: decide(case, "suspend")),
        ("I6", lambda case: decide(case, "revoke")),
        ("I7", lambda case: grant_again(case, certificate="SOPRO/AT1/001/00002")),
        ("I9", lambda case: restate(case, version=2)),
        ("I9", lambda case: criterion(case, "criterion S1", version=2, threshold=1)),
    ],
)
def test_what_keeps_to_the_rule_counts(rule: str, bring: Callable[[Assessing], Act]) -> None:
    assert judge(bring(Assessing())).code is None, rule


def test_i9_only_the_coordinator_says_what_counts(world: World) -> None:
    body = scheme_body() | {"scheme": "mine", "max_validity_months": 1200}
    assert world.at.write("scheme/1", body, entity=bytes16("mine")).code == "lbl.competence"
    assert world.node.directory.scheme("mine") is None


def test_i15_what_is_not_known_is_kept_and_verified_and_not_interpreted(world: World) -> None:
    assert world.at.decide("grant").code is None
    before = world.at.status("2026-06-01")
    poem = world.at.write("poem/1", {"text": "of a later version"}, entity=bytes16("poem"))
    assert (poem.code, poem.judgement.change) == (None, None)
    # It is verified like every other record.
    foreign = world.at.write("poem/1", {}, entity=bytes16("forged"), signers=[world.hu.keys["log"]])
    assert foreign.code == "sig.unknown-key"
    assert (world.at.status("2026-06-01"), world.at.cursor.uninterpreted) == (before, 1)
    # A newer major of a label says nothing false about it: nobody can tell any more.
    newer = world.at.decision("suspend") | {"new": 1}
    written = world.at.write("label_decision/2", newer, entity=LABEL, role="decision")
    assert (written.code, written.judgement.undetermined) == (None, True)


def test_i14_what_names_people_in_a_record_is_passed_over(world: World) -> None:
    """A hostile site may write a name where no field is; nobody's state or answer has it."""
    body = {"actor_type": "enterprise", "country": "AT", "effective_date": "2026-01-01",
            "legal_name": "Maria Muster", "status": "active"}  # fmt: skip
    entity = bytes16("named")
    written = world.at.write("organisation/1", body, entity=entity)
    assert written.code is None
    assert b"Maria" in written.data
    stored = world.at.tables.rows[entity][2]
    assert stored is not None
    assert b"Maria" not in stored


def test_i14_erasing_a_document_leaves_signatures_and_tree_as_they_were(world: World) -> None:
    docs = [{"commitment": bytes(32), "name": "organisation", "size": 9, "type": "text/plain",
             "visibility": "public"}]  # fmt: skip
    body = {"actor_type": "enterprise", "country": "AT", "effective_date": "2026-01-01",
            "status": "active"}  # fmt: skip
    entity = bytes16("named")
    assert world.at.write("organisation/1", body, entity=entity, docs=docs).code is None
    place, head = len(world.at.entries) - 1, world.at.head()
    erasure = {"deadline": "2028-02-01", "document": 0, "index": place, "reason": "request"}
    assert world.at.write("erasure/1", erasure, entity=bytes16("erasure")).code is None
    # No node ever saw the document: the entry is verified and counts, under the same root.
    node = World.new_node()
    for author in (world.coordinator, world.at):
        assert node.deliver(author.origin, author.entries) == len(author.entries)
    assert node.replicas[world.at.origin].tables.voids == {}
    assert world.at.roots[head["size"]] == head["root"]
    assert node.state(world.at.origin, entity) == world.node.state(world.at.origin, entity)


def test_the_table_of_invariants_names_clauses_and_tests_that_there_are() -> None:
    root = Path(__file__).parents[2]
    page = (root / "registry" / "README.md").read_text(encoding="utf-8")
    spec = (root / "protocol" / "SPEC.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (I[0-9]+) [^|]+\| ([^|]+) \| ([^|]+) \|$", page)
    assert [rule for rule, _, _ in rows] == [f"I{one}" for one in (*range(1, 11), 14, 15)]
    for rule, clauses, tests in rows:
        assert all(f"- **{clause}** " in spec for clause in clauses.split(", ")), rule
        for file, named in re.findall(r"`([^`]+)`( I[0-9]+)?", tests):
            assert (root / "tests" / file).is_file(), file
            if named:
                text = (root / "tests" / file).read_text(encoding="utf-8")
                assert f'"{named.strip()}"' in text or f"_{named.strip().lower()}_" in text, named
