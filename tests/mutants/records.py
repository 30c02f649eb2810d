"""Faults of our node in the rules of single families of records; `run.py` starts them by name."""

import unicodedata
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from sopro_protocol.errors import FormatError

RECORDS: Final[dict[str, Callable[[], None]]] = {}


def fault(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(change: Callable[[], None]) -> Callable[[], None]:
        RECORDS[name] = change
        return change

    return enter


def swap(module: str, **new: Any) -> None:
    """Put others in the place of what a module knows by these names."""
    known = vars(import_module(module))
    assert new.keys() <= known.keys(), (module, new)
    known.update(new)


def family(name: str, **new: Any) -> None:
    swap(f"sopro_registry.families.{name}", **new)


@fault("R01")
def applications_take_any_step() -> None:
    application = import_module("sopro_registry.application")
    anything = frozenset(application.Step)
    family("label_application", TRANSITIONS=dict.fromkeys(application.TRANSITIONS, anything))


@fault("R02")
def answers_take_any_step() -> None:
    steps = import_module("sopro_registry.complaints")
    anything = frozenset(steps.ComplaintStep)
    family("complaint_answer", COMPLAINT=dict.fromkeys(steps.COMPLAINT, anything))


@fault("R03")
def appeals_take_any_step() -> None:
    steps = import_module("sopro_registry.complaints")
    family("appeal", APPEAL=dict.fromkeys(steps.APPEAL, frozenset(steps.AppealStep)))


@fault("R04")
def anybody_is_on_the_panel() -> None:
    family("appeal", _check_panel=lambda *_: None)


@fault("R05")
def countries_ask_for_less() -> None:
    family("criterion", _check_stricter=lambda *_: None)


@fault("R06")
def criteria_in_any_order_of_days() -> None:
    family("criteria_set", _check_dates=lambda _body: None)


@fault("R07")
def any_end_of_validity() -> None:
    family("label_decision", check_mended=lambda *_, **__: None)


@fault("R08")
def imports_for_ever() -> None:
    family("label_decision", _check_imported=lambda *_: None)


@fault("R09")
def assessors_end_labels() -> None:
    family("label_decision", check_decider=lambda *_: None)


@fault("R10")
def suspensions_end_by_themselves() -> None:
    """Takes a word that lies over the status for the status."""
    label = import_module("sopro_registry.label")
    old = label.status_at

    def status_at(decisions: Any, day: int) -> Any:
        status, last = old(decisions, day)
        is_over = status is label.Status.SUSPENDED and 0 < last.suspended_until < day
        return (label.Status.ACTIVE if is_over else status), last

    swap("sopro_cli.judging", status_at=status_at)


@fault("R11")
def organisations_go_in_circles() -> None:
    family("organisation_relation", leads_back=lambda *_: None)


@fault("R12")
def anything_about_who_has_gone() -> None:
    module = import_module("sopro_registry.families.site_membership")
    gone: Any = vars(module)["GONE"]
    family(
        "site_membership", _settles=lambda before, _: before is not None and before.status in gone
    )


@fault("R15")
def refused_on_any_day() -> None:
    family("label_decision", check_refused=lambda *_, **__: None)


@fault("R13")
def larger_trees() -> None:
    swap("sopro_protocol.merkle", MAX_SIZE=2**53)


@fault("R14")
def one_normal_form() -> None:
    """Takes text in normal form C only."""
    verdicts = import_module("sopro_cli.verdicts")
    old = vars(verdicts)["decode"]

    def decode(data: bytes, **more: Any) -> Any:
        value = old(data, **more)
        if not unicodedata.is_normalized("NFC", str(value)):
            raise FormatError("mutant", code="enc.text")
        return value

    swap("sopro_cli.verdicts", decode=decode)


@fault("R24")
def imports_are_like_decisions() -> None:
    needs: Any = vars(import_module("sopro_registry.decision_fields"))["NEEDS"]
    needs.update({action: one._replace(imported_steps=one.steps) for action, one in needs.items()})


@fault("R16")
def anybody_is_handed_over() -> None:
    swap("sopro_registry.decision_fields", _check_transfer_fields=lambda *_, **__: None)


@fault("R17")
def authorisations_take_any_step() -> None:
    class Anything:
        def __contains__(self, _step: object) -> bool:
            return True

    family("assessor_authorisation", TRANSITIONS=Anything())


@fault("R18")
def findings_show_documents_that_are_not_there() -> None:
    family("evaluation", _check_evidence=lambda *_: None)


@fault("R19")
def reviews_of_anything() -> None:
    family("review", _check_evaluation=lambda *_: None)


@fault("R27")
def item_numbers_come_and_go() -> None:
    family("offering", _is_to_be_assessed=lambda *_: True)


@fault("R28")
def labels_for_what_is_no_more() -> None:
    family("label_decision", check_there=lambda *_: None)


@fault("R29")
def offerings_change_hands() -> None:
    """Lets who offers something, and what, be others under a label."""
    family("offering", _check_same=lambda *_: None)


@fault("R36")
def evaluations_are_good_for_ever() -> None:
    swap("sopro_registry.precondition", MONTHS_GOOD=1200)


@fault("R37")
def who_comes_back_is_somebody_new() -> None:
    """Forgets what a label was before it left, and who had to do with it."""
    family("label_decision", find_earlier=lambda *_: [])


@fault("R38")
def what_came_is_taken_for_sound() -> None:
    swap("sopro_registry.duties", _check_found_anew=lambda *_: None)


@fault("R26")
def what_is_recorded_was_always_known() -> None:
    """Says of every day what is known today, as if it had been known then."""
    transfer = import_module("sopro_registry.transfer")
    transfer.Course.is_recorded_late = lambda *_: False


@fault("R25")
def renewals_begin_whenever() -> None:
    family("label_decision", check_begin=lambda *_: None)


@fault("R30")
def two_authorisations_make_a_third_party() -> None:
    family("evaluation", is_tied=lambda *_: False)


@fault("R31")
def organisations_that_are_one_are_strangers() -> None:
    swap("sopro_registry.ties", one_with=lambda organisation, _view: {organisation})


@fault("R32")
def who_was_away_comes_back_for_days_before() -> None:
    family("assessor_authorisation", _check_returning=lambda *_: None)


@fault("R55")
def the_applicants_people_review_and_decide() -> None:
    for module in ("families.review", "precondition", "duties"):
        swap(f"sopro_registry.{module}", is_tied=lambda *_: False)


@fault("R33")
def who_is_complained_about_answers() -> None:
    family("complaint_answer", is_kept_off=lambda *_: False)


@fault("R34")
def who_is_appealed_against_ends_the_appeal() -> None:
    family("appeal", _check_person=lambda *_: None)


@fault("R35")
def the_holders_people_judge_what_is_said_of_it() -> None:
    swap("sopro_registry.duties", is_tied=lambda *_: False)


@fault("R44")
def what_is_recorded_last_was_found_last() -> None:
    def by_the_log(found: Any) -> list[Any]:
        return sorted(found, key=lambda one: one.index)

    swap("sopro_registry.precondition", in_time=by_the_log)
    swap("sopro_registry.duties", in_time=by_the_log)


@fault("R45")
def who_was_not_authorised_after_all_has_evaluated() -> None:
    swap("sopro_registry.precondition", _check_still_authorised=lambda *_: None)
