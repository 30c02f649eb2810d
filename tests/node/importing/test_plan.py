from typing import Any

import pytest

from sopro_node.importing.cells import Item
from sopro_node.importing.lives import plan_label
from sopro_node.importing.plan import Known, Planned, Verdict, source_of
from sopro_node.importing.spool import Spooled
from sopro_registry.label import ACTIONS, Status
from tests.node.importing.sources import SECRET


def row(line: int, word: str, date: str = "", *, key: str = "7", event: str = "") -> Spooled:
    if word == "bad":
        return Spooled(line, ["7"], None, "what is wrong")
    values = {"effective_date": date} if date else {}
    item = Item(
        [key], line, [event or str(line)], [key], word, ("status", word), values, {}, bool(date)
    )
    return Spooled(line, [key], item, "")


CODES = {action.value: code for code, action in enumerate(ACTIONS)}


def known(*decisions: tuple[int, str, Status]) -> Known:
    """A label as the log holds it: source line, action, status after it."""
    held = [
        [line, CODES[action], 0, int(status), 0, 0, True, source_of(SECRET, ["7"], [str(line)])[:8]]
        for line, action, status in decisions
    ]
    return Known(b"h" * 32, {"decisions": held}, {}, {})


def told(planned: list[Planned]) -> list[str]:
    return [one.draft["values"]["action"] if one.draft else one.verdict.value for one in planned]


def plan(words: str, held: Known | None = None, *, is_referred: bool = True) -> list[Planned]:
    rows = [row(number, word) for number, word in enumerate(words.split(), start=1)]
    return plan_label(rows, held, secret=SECRET, is_referred=is_referred)


# A history in the source's words, and the actions it comes in as.
HISTORIES = [
    ("hold", "grant"),
    ("hold hold", "grant renew"),
    ("hold end hold hold", "grant revoke reinstate renew"),
    ("hold end end end", "grant revoke revoke revoke"),
    ("end hold", "refused grant"),
    ("end end", "refused refused"),
    ("hold suspend hold end", "grant suspend reinstate revoke"),
    ("hold terminate_on_request hold", "grant terminate_on_request reinstate"),
    ("grant suspend reinstate revoke", "grant suspend reinstate revoke"),
    ("refuse", "refuse"),
]


@pytest.mark.parametrize(("words", "actions"), HISTORIES)
def test_words_become_the_actions_that_the_label_allows(words: str, actions: str) -> None:
    assert told(plan(words)) == actions.split()


A, R, S = Status.ACTIVE, Status.REVOKED, Status.SUSPENDED

# The same over a log that holds some of it: what was imported is found again, wherever it stands.
CONTINUED: list[tuple[str, list[tuple[int, str, Status]], str]] = [
    ("hold hold end", [(1, "grant", A)], "unchanged renew revoke"),
    ("hold end", [(1, "grant", A), (2, "revoke", R)], "unchanged unchanged"),
    ("end hold", [(2, "grant", A)], "refused unchanged"),
    ("end hold hold", [(2, "grant", A)], "refused unchanged renew"),
    ("hold hold end", [(1, "grant", A), (3, "revoke", R)], "unchanged refused unchanged"),
    ("hold hold", [(1, "grant", A), (9, "suspend", S)], "unchanged reinstate"),
    ("hold", [(9, "grant", A)], "renew"),
    ("end", [(1, "grant", A)], "bad"),
]


@pytest.mark.parametrize(("words", "held", "actions"), CONTINUED)
def test_what_the_log_holds_is_not_appended_again(
    words: str, held: list[tuple[int, str, Status]], actions: str
) -> None:
    assert told(plan(words, known(*held))) == actions.split()


def test_a_bad_row_holds_back_those_after_it() -> None:
    planned = plan("hold bad end hold")
    assert told(planned) == ["grant", "bad", "bad", "bad"]
    assert planned[2].reason == "waits for line 2, which comes before it and is bad"


def test_a_decision_that_comes_again_with_other_words_is_bad() -> None:
    planned = plan_label(
        [row(1, "hold", event="a"), row(2, "end", event="a")],
        None,
        secret=SECRET,
        is_referred=True,
    )
    assert told(planned) == ["grant", "bad"]
    assert "line 1 is this decision already" in planned[1].reason


def test_a_decision_that_comes_again_as_it_was_changes_nothing() -> None:
    rows = [row(1, "hold"), row(1, "hold")._replace(line=2), row(3, "end"), row(3, "end")]
    planned = plan_label(rows, None, secret=SECRET, is_referred=True)
    assert told(planned) == ["grant", "unchanged", "revoke", "unchanged"]


def test_a_decision_that_changed_in_the_source_is_told_not_overwritten() -> None:
    held = known((1, "grant", A))
    [one] = plan_label([row(1, "hold", "2020-01-01")], held, secret=SECRET, is_referred=True)
    assert one.verdict is Verdict.BAD
    assert "what is signed stays, decide 'correct'" in one.reason


def test_a_label_waits_for_its_offering() -> None:
    [one] = plan("hold", is_referred=False)
    assert one.reason == "offering '7' has not been imported; import the offerings first"


def test_only_the_first_decision_names_the_offering() -> None:
    first, second = plan("hold end")
    assert first.draft is not None
    assert second.draft is not None
    values: list[dict[str, Any]] = [first.draft["values"], second.draft["values"]]
    assert ["offering" in one for one in values] == [True, False]
    assert all(one["basis"] == "imported" and len(one["source"]) == 16 for one in values)
    assert (first.draft["seen"], second.draft["seen"]) == (None, b"")


def test_a_decision_on_a_label_that_was_never_granted_is_refused_in_words() -> None:
    suspended, granted = plan("suspend hold")
    assert (suspended.verdict, suspended.is_expected) == (Verdict.REFUSED, False)
    assert suspended.reason == (
        "suspend on a label that was never granted here; its first decision must come before"
    )
    assert told([granted]) == ["grant"]
