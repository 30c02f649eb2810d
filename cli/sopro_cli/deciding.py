"""Decisions: `sopro decide`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import rich_click as click

from sopro_cli.acting import act, do, person_of
from sopro_cli.files import Files, with_documents
from sopro_cli.office import Call
from sopro_cli.options import CODE, CPV, DAY, FOLDER, NUMBER, NUTS, as_bytes
from sopro_cli.output import remark, show, show_json
from sopro_cli.people import naming_people
from sopro_registry.families.label_decision import ReasonCode
from sopro_registry.label import Action

_FIRST: Final = (Action.GRANT, Action.REFUSE, Action.TRANSFER_IN)
# What has no default: a wrong one would hurt somebody.
_NEEDED: Final[Mapping[Action, tuple[str, ...]]] = {
    Action.GRANT: ("offering", "valid_until"),
    Action.REFUSE: ("offering", "reason"),
    Action.TRANSFER_IN: ("offering", "valid_until", "number"),
    Action.RENEW: ("valid_until",),
    Action.SUSPEND: ("reason", "suspended_until"),
    Action.REDUCE_SCOPE: ("reason",),
    Action.REVOKE: ("reason", "appeal_until"),
    Action.TERMINATE_ON_REQUEST: ("reason",),
}


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("action", type=click.Choice([action.value for action in Action]))
@click.argument("label", metavar="[NUMBER]", required=False, callback=NUMBER)
@click.option("--offering", default=None, help="what the label is for, on the first decision")
@click.option(
    "--application",
    default=None,
    help="that is decided; it names offering and scheme. With correct: that was refused",
)
@click.option("--review", default=None, help="that it rests on; the last one if not given")
@click.option(
    "--scheme", default="sopro", show_default=True, callback=CODE, help="on the first decision"
)
@click.option(
    "--number", default=None, callback=NUMBER, help="to give; the next free one if not given"
)
@click.option(
    "--valid-from", default=None, callback=DAY, help="civil date; when it takes effect if not given"
)
@click.option("--valid-until", default=None, callback=DAY, help="last civil date of validity")
@click.option("--effective", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--decided-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--reason", type=click.Choice(get_args(ReasonCode)), default=None)
@click.option("--suspended-until", default=None, callback=DAY, help="civil date")
@click.option("--appeal-until", default=None, callback=DAY, help="last civil date for an appeal")
@click.option("--area", "areas", multiple=True, callback=NUTS, help="that the label holds for")
@click.option("--cpv", multiple=True, callback=CPV, help="procurement code it holds for")
@click.option("--whole-offering", is_flag=True, help="it holds for all areas and codes")
@click.option(
    "--corrects", type=click.IntRange(0), default=None, help="entry of the wrong decision"
)
@click.option(
    *("--refused-on", "refused_on"),
    default=None,
    callback=DAY,
    help="civil date, with correct: when it was refused, where another was written down",
)
@click.option("--decider", default=None, help="who decides; only a pseudonym leaves the site")
@naming_people
@with_documents
@click.option("--json", "as_json", is_flag=True)
def decide(  # one for each option
    folder: Path,
    action: str,
    label: str | None,
    decider: str | None,
    areas: tuple[str, ...],
    cpv: tuple[str, ...],
    corrects: int | None,
    files: Files,
    *,
    whole_offering: bool,
    as_json: bool,
    **options: str | None,
) -> None:
    r"""Decide on a label: grant it on an offering, or act on one by its NUMBER.

    Dates that are not given are today's in the site's time zone. Who decides is asked where
    neither --decider nor `sopro --as` says it.

        sopro decide at grant --application APPLICATION --valid-until 2029-01-01 \
            --decider "Anna Gruber"
        sopro decide at grant --application APPLICATION --valid-until 2029-01-01 --area AT130
        sopro decide at extend_scope SOPRO/AT0/001/00001 --application APPLICATION \
            --area AT130 --area AT32
        sopro decide at reduce_scope SOPRO/AT0/001/00001 --area AT130 --reason nc_not_closed
        sopro decide at suspend SOPRO/AT0/001/00001 --reason other --suspended-until 2027-01-31
        sopro decide at correct SOPRO/AT0/001/00001 --corrects 41 --suspended-until 2027-03-31
        sopro decide at correct SOPRO/AT0/001/00001 --corrects 40 --valid-until 2028-06-30
        sopro decide at correct --application APPLICATION --reason fees_unpaid
        sopro decide at correct --application APPLICATION --refused-on 2026-11-02

    What was refused has no number: a correction names the application, or what refuse printed.

    A scope says what the label holds for within its offering; without one it holds for all of it.
    """
    more = _scope(areas, cpv, is_whole=whole_offering)
    if corrects is not None:
        more["corrects"] = corrects
    _check_options(Action(action), label, options)
    entities = {
        name: as_bytes(text, f"--{name}")
        for name in ("application", "offering", "review")
        if (text := options[name])
    }
    told = {**options, **entities, **more, "action": action, "reason_code": options["reason"]}
    del told["reason"], told["effective"]
    told |= {"effective_date": options["effective"], "label": label}
    person = person_of(folder, decider)

    async def work(office: Call) -> Mapping[str, Any]:
        if label is not None:
            seen = await office("label_entity", {"number": label})
            told["prev"] = seen["head"]
        elif action == Action.CORRECT:
            seen = await office("refusal", {"application": entities["application"]})
            told["prev"] = seen["head"]
        done = await act(office, "decision.add", told, person=person, files=files)
        values = done["values"]
        if values["action"] == Action.GRANT and "application" not in values:
            remark(
                f"granted without an assessment: no criteria are published for scheme "
                f"{values['scheme']!r}; 'sopro criteria publish' at the coordinator ends that"
            )
        number = values.get("certificate", "")
        status = (await office("label", {"number": number}))["status"] if number else "refused"
        return {
            "number": number,
            "entity": done["entity"].hex(),
            "index": done["index"],
            "action": action,
            "status": status,
        }

    answer = do(folder, work)
    if as_json:
        show_json(answer)
    elif answer["number"]:
        show(f"{answer['number']} {answer['status']}")
    else:
        show(f"{answer['entity']} {answer['status']}")


def _check_options(action: Action, label: str | None, options: Mapping[str, str | None]) -> None:
    given = {"offering"} if options["application"] else set()
    missing = [
        name for name in _NEEDED.get(action, ()) if options[name] is None and name not in given
    ]
    if missing:
        named = " and ".join("--" + name.replace("_", "-") for name in missing)
        raise click.UsageError(f"{action.value} needs {named}")
    if action in _FIRST and label is not None:
        raise click.UsageError(
            f"{action.value} begins a label on an --offering; to give it a certain number, "
            f"write --number {label}"
        )
    if action is Action.CORRECT and (label is None) == (options["application"] is None):
        raise click.UsageError(
            "correct needs the NUMBER of a label, or --application for what was refused; one of "
            "the two"
        )
    if action not in (*_FIRST, Action.CORRECT) and label is None:
        raise click.UsageError(f"{action.value} needs the NUMBER of a label")


def _scope(areas: tuple[str, ...], cpv: tuple[str, ...], *, is_whole: bool) -> dict[str, Any]:
    """Return the scope that was named, where one was."""
    if is_whole and (areas or cpv):
        raise click.UsageError("--whole-offering stands without --area and --cpv")
    named = {"areas": sorted(set(areas)), "cpv": sorted(set(cpv))}
    scope = {field: codes for field, codes in named.items() if codes}
    return {"scope": scope} if scope or is_whole else {}


COMMANDS = (decide,)
