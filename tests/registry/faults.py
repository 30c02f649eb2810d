"""Faults that the registry's tests have to notice, each as one change of its text.

They are the ones that random lives once did not notice. Each is noticed by a fast test of its own
and by random lives: `make long` puts them one by one into a copy of the registry and tries both.
"""

from pathlib import Path
from typing import Final, NamedTuple

import sopro_registry

PACKAGE: Final = Path(sopro_registry.__file__).parent


class Fault(NamedTuple):
    """A wrong registry.

    Attributes:
        file: that is changed, in the package.
        right: text that stands in it once.
        wrong: text that stands there instead.
        test: the fast test that notices, by file and name in this folder.
    """

    file: str
    right: str
    wrong: str
    test: str

    def put_into(self, package: Path) -> None:
        """Change a copy of the package."""
        path = package / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.right) == 1, (self.file, self.right)
        path.write_text(text.replace(self.right, self.wrong), encoding="utf-8")


FAULTS: Final = {
    "authority of the first assessor only": Fault(
        "families/evaluation.py",
        "    for assessor in body.assessors:\n        _check_authority",
        "    for assessor in body.assessors[:1]:\n        _check_authority",
        "families/test_assessor_authorisation.py::"
        "test_every_one_of_those_who_evaluate_is_authorised",
    ),
    "ties by the authorisation that is named only": Fault(
        "ties.py",
        "    for number in range(MOST_OF_PERSON):\n        entity",
        "    for number in range(1):\n        entity",
        "test_ties.py::test_another_authorisation_makes_nobody_independent",
    ),
    "ties of an organisation to others by its own word only": Fault(
        "ties.py",
        "        if place in others:\n",
        "        if False:\n",
        "test_ties.py::test_organisations_that_are_one_have_the_same_people",
    ),
    "ties that end with the authorisation": Fault(
        "authorisation.py",
        "            if day <= add_months(last, MONTHS_TIED):",
        "            if day <= last:",
        "test_ties.py::test_a_tie_holds_for_two_years_more",
    ),
    "who was away comes back for days before": Fault(
        "families/assessor_authorisation.py",
        "    if was_away and effective < earliest:",
        "    if False:",
        "test_ties.py::test_who_was_withdrawn_comes_back_for_no_day_before",
    ),
    "a review by the applicant's people": Fault(
        "families/review.py",
        "    if is_tied(body.reviewer, interested, reviewed, view):",
        "    if False:",
        "test_ties.py::test_who_works_for_who_applies_reviews_nothing_of_it",
    ),
    "a decision by the applicant's people": Fault(
        "precondition.py",
        "    if is_tied(decision.decider, interested, decision.decided, view):",
        "    if False:",
        "test_ties.py::test_who_works_for_who_applies_decides_nothing_of_it",
    ),
    "a judgement by the holder's people": Fault(
        "duties.py",
        "    if rests and is_tied(decision.decider, holder, decision.decided, view):",
        "    if False:",
        "test_ties.py::test_who_works_for_the_holder_judges_nothing_about_its_label",
    ),
    "an answer by who has a part in the label": Fault(
        "families/complaint_answer.py",
        "    if is_judging and is_kept_off(",
        "    if False and is_kept_off(",
        "families/test_complaint.py::test_nobody_answers_who_is_complained_about",
    ),
    "a panel of the holder's people": Fault(
        "duties.py",
        "    return is_tied(person, [offered_by(label.offering, view)], day, view)",
        "    return False",
        "families/test_appeal.py::test_the_holders_people_hear_no_appeal_for_two_years",
    ),
    "an appeal ended by who is appealed against": Fault(
        "families/appeal.py",
        "    if is_kept_off(person, body.label, label, day, view):",
        "    if False:",
        "families/test_appeal.py::test_nobody_ends_an_appeal_who_is_appealed_against",
    ),
    "duties of the first assessor only": Fault(
        "families/evaluation.py",
        "for one in body.assessors for about in subject.named]",
        "for one in body.assessors[:1] for about in subject.named]",
        "test_precondition.py::test_everyone_who_evaluated_took_part",
    ),
    "an evaluation that has gone on since the review": Fault(
        "precondition.py",
        "    if any(one.index > reviewed.index for one in evaluations):",
        "    if False:",
        "test_precondition.py::test_an_evaluation_that_goes_on_needs_another_review",
    ),
    "a panel with somebody who reviewed": Fault(
        "duties.py",
        " or has_reviewed(person, subjects, view):",
        ":",
        "families/test_appeal.py::test_refuses",
    ),
    "the later of two successors": Fault(
        "transfer.py",
        "    return (taken.acted_on if taken else 0, stage.origin, stage.entity)",
        "    return (-taken.acted_on if taken else 0, stage.origin, stage.entity)",
        "test_transfer.py::test_of_two_successors_the_earlier_has_the_label",
    ),
    "taken over before it was handed over": Fault(
        "transfer.py",
        "    if first.effective < max(decision.effective for decision in old.decisions):",
        "    if first.effective < old.decisions[-1].effective - 30:",
        "test_transfer.py::test_halves_that_do_not_fit_move_nothing",
    ),
    "grace one day short": Fault(
        "families/label_decision.py",
        "dates.effective > state.decisions[-1].until + scheme.grace_days",
        "dates.effective >= state.decisions[-1].until + scheme.grace_days",
        "families/test_label_decision.py::"
        "test_renewal_after_expiry_is_one_within_the_days_of_grace",
    ),
    "an evaluation thirteen months old": Fault(
        "assessment.py",
        "MONTHS_GOOD: Final = 12",
        "MONTHS_GOOD: Final = 13",
        "test_precondition.py::test_a_grant_rests_on_a_sound_assessment",
    ),
    "criteria of every kind of offering": Fault(
        "assessment.py",
        "if not one.kinds or kind in one.kinds)",
        "if True)",
        "families/test_evaluation.py::test_is_held_to_what_concerns_the_offering",
    ),
    "at most read as less than": Fault(
        "assessment.py",
        '"<=": value <= self.threshold,',
        '"<=": value < self.threshold,',
        "test_duties.py::test_a_value_does_not_contradict_its_result",
    ),
    "points of what is not conform": Fault(
        "assessment.py",
        "if finding is not None and finding.result is Result.CONFORM and not",
        "if finding is not None and not",
        "test_precondition.py::test_a_grant_rests_on_a_sound_assessment",
    ),
    "an application for another offering": Fault(
        "precondition.py",
        "    is_same = (asked.offering, asked.scheme) == (decision.offering, decision.scheme)",
        "    is_same = asked.scheme == decision.scheme",
        "test_precondition.py::test_an_application_for_one_offering_leads_to_no_label_for_another",
    ),
    "the last scope on every day": Fault(
        "label.py",
        "        return held[-1] if held else _WHOLE",
        "        return self.scope",
        "test_scope.py::test_a_scope_holds_from_the_day_of_its_decision",
    ),
    "days counted from the last step": Fault(
        "families/label_application.py",
        "            state.submitted if state else day,",
        "            day,",
        "test_assessed.py::test_counts_how_long_an_application_took",
    ),
    "settled by the first decision": Fault(
        "families/label_decision.py",
        "    settled = max(map(_EFFECTIVE, decisions))",
        "    settled = min(map(_EFFECTIVE, decisions))",
        "families/test_label_decision.py::test_index_columns_are_those_of_the_last_decision",
    ),
    "criteria a day longer": Fault(
        "families/criteria_set.py",
        'return day_of(after.applies_from, field="applies_from") - 1',
        'return day_of(after.applies_from, field="applies_from")',
        "families/test_criteria_set.py::test_says_until_when_a_version_may_be_used",
    ),
    "labels for what is there no more": Fault(
        "precondition.py",
        "        if 0 < ended <= day:",
        "        if False:",
        "test_asked_for.py::test_nothing_is_given_to_what_is_there_no_more",
    ),
    "item numbers that come and go": Fault(
        "families/offering.py",
        "    if is_other and why and not _is_to_be_assessed(fact, view):",
        "    if False:",
        "test_asked_for.py::test_an_item_number_stays_with_what_was_asked_for",
    ),
    "imports that are recorded late": Fault(
        "label.py",
        "        if one.effective <= day and is_late and not one.imported:",
        "        if one.effective <= day and is_late:",
        "test_recorded.py::test_what_an_existing_register_said_is_marked_as_that_and_not_late",
    ),
    "late only by the last decision": Fault(
        "label.py",
        "        if one.recorded <= day:\n            return False",
        "        if one.recorded <= day or one is not decisions[-1]:\n            return False",
        "test_recorded.py::test_what_follows_in_time_hides_nothing_that_was_late",
    ),
    "non-conformities of the last site only": Fault(
        "overlays.py",
        "    for place, stage in enumerate(stages, 1):\n        # Who has handed",
        "    for place, stage in enumerate(stages[-1:], 1):\n        # Who has handed",
        "test_returning.py::test_who_takes_over_what_is_open_does_not_forget_it",
    ),
    "a complaint answered twice": Fault(
        "families/complaint_answer.py",
        '    if state is None and view.exists_named("complaint_answer", name):',
        "    if False:",
        "families/test_complaint.py::test_there_is_one_answer_about_a_label_of_this_site",
    ),
}
