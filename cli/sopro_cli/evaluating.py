"""What assessors have found: `sopro evaluate`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation, Overflow
from pathlib import Path
from typing import Any, Final, get_args

import rich_click as click

from sopro_cli.acting import act, do
from sopro_cli.files import Files, with_documents
from sopro_cli.office import Call, acting_officer
from sopro_cli.options import DAY, FOLDER, NUMBER, as_bytes, as_pairs
from sopro_cli.output import show_entity
from sopro_cli.people import find_people, naming_people
from sopro_protocol.errors import FormatError, RefusedError
from sopro_registry.assessment import Level, Result
from sopro_registry.families import evaluation
from sopro_registry.fields import parse_day

_METHODS: Final = get_args(evaluation.Body.__annotations__["method"])
_KINDS: Final = get_args(evaluation.Body.__annotations__["kind"])
_SHOWN: Final = 32
_LARGEST: Final = 2**53 - 1
_RECOMMENDATIONS: Final = get_args(evaluation.Body.__annotations__["recommendation"])


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("which", metavar="[APPLICATION]", required=False)
@click.option("--label", default=None, callback=NUMBER, help="a label, for surveillance")
@click.option(
    *("--assessor", "names"),
    multiple=True,
    help="who evaluated, repeatable; the officer of --as if not given",
)
@click.option(
    *("--finding", "findings"),
    multiple=True,
    required=True,
    help="CRITERION=RESULT, or CRITERION=POINTS where it conforms, repeatable",
)
@click.option(
    *("--value", "values"),
    multiple=True,
    help="CRITERION=NUMBER that was measured, in the unit of the criterion, for example S2=52.5",
)
@click.option(
    *("--due", "dues"),
    multiple=True,
    help="CRITERION=DAY until which a non-conformity is to be closed",
)
@click.option(
    *("--evidence", "evidence"),
    multiple=True,
    help="CRITERION=NAME of a --document that shows it, repeatable",
)
@naming_people
@with_documents
@click.option("--kind", type=click.Choice(_KINDS), default="initial", show_default=True)
@click.option("--level", type=click.Choice([one.value for one in Level]), default="third_party",
              show_default=True)  # fmt: skip
@click.option("--method", type=click.Choice(_METHODS), required=True)
@click.option("--recommendation", type=click.Choice(_RECOMMENDATIONS), default="positive",
              show_default=True)  # fmt: skip
@click.option("--criteria-version", type=int, default=None, help="for a label; the latest")
@click.option("--performed-on", default=None, callback=DAY, help="civil date; today if not given")
@click.option("--again", default=None, help="an evaluation that goes on, as it was printed")
@click.option("--json", "as_json", is_flag=True)
def evaluate(  # one for each option
    folder: Path,
    which: str | None,
    label: str | None,
    names: tuple[str, ...],
    findings: tuple[str, ...],
    values: tuple[str, ...],
    dues: tuple[str, ...],
    evidence: tuple[str, ...],
    files: Files,
    again: str | None,
    *,
    as_json: bool,
    **options: Any,
) -> None:
    r"""Record what assessors have found about an APPLICATION, or about a label.

    ```
    sopro evaluate at APPLICATION --assessor "Maria Huber" --method on_site --finding S1=20
    sopro evaluate at APPLICATION --assessor "Maria Huber" --method on_site \
        --finding S2=minor_nc --value S2=48.5 --due S2=2027-01-31 \
        --document report=audit.pdf --evidence S2=report
    sopro evaluate at APPLICATION --again EVALUATION --assessor "Maria Huber" \
        --method document --finding S2=conform --value S2=52
    sopro evaluate at --label SOPRO/AT0/001/00001 --kind surveillance \
        --assessor "Maria Huber" --method on_site --finding S2=conform
    ```
    """
    if (which is None) == (label is None):
        raise click.UsageError("give an APPLICATION or --label, one of the two")
    if not names and not acting_officer():
        raise click.UsageError("say who evaluated with --assessor, or act as them: sopro --as NAME")
    found = _read_findings(findings, dues, evidence)
    measured = dict(as_pairs(values, "CRITERION=NUMBER"))
    _check_codes(measured, found, "--value")
    about = as_bytes(which, "APPLICATION") if which else None
    entity = as_bytes(again, "--again") if again else None
    is_self = options["level"] == Level.SELF
    people = find_people(folder, names)

    async def work(office: Call) -> Mapping[str, Any]:
        if about is not None:
            scheme = (await office("application_at", {"entity": about}))["scheme"]
        else:
            scheme = (await office("label", {"number": label}))["scheme"]
        known = (await office("assessors", {}))["assessors"]
        assessors = [
            {"person": one} if is_self else _authorised(one, name, scheme, known)
            for one, name in zip(people, names, strict=True)
        ]
        if measured:
            [judged_by] = (await office("criteria", {"scheme": scheme}))["schemes"]
            scales = {one["code"]: one.get("threshold_scale", 0) for one in judged_by["criteria"]}
            for code, text in measured.items():
                found[code]["value"] = scale_value(code, text, scales.get(code, 0))
        told = {
            **options,
            "application": about,
            "assessors": assessors,
            "findings": list(found.values()),
            "label": label,
        }
        name = "evaluation.go_on" if entity else "evaluation.add"
        return await act(office, name, told, entity=entity, files=files)

    show_entity(do(folder, work), as_json=as_json)


def _read_findings(
    findings: Sequence[str], dues: Sequence[str], evidence: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Read what was found by criterion, with days and names of documents."""
    found: dict[str, dict[str, Any]] = {}
    for code, text in as_pairs(findings, "CRITERION=RESULT"):
        if code in found:
            raise click.UsageError(f"--finding {code}: given twice; one says how it stands")
        found[code] = _read_finding(code, text)
    days = dict(as_pairs(dues, "CRITERION=DAY"))
    shown = as_pairs(evidence, "CRITERION=NAME")
    _check_codes(days, found, "--due")
    _check_codes(dict(shown), found, "--evidence")
    for code, text in days.items():
        try:
            parse_day(text, field=f"--due {code}")
        except FormatError as error:
            raise click.BadParameter(str(error)) from None
        found[code]["due"] = text
    for code, name in shown:
        found[code].setdefault("documents", []).append(name)
    return found


def _read_finding(code: str, text: str) -> dict[str, Any]:
    if text.isascii() and text.isdecimal():
        return {"code": code, "points": int(text), "result": Result.CONFORM.value}
    if text not in [one.value for one in Result]:
        known = ", ".join(one.value for one in Result)
        raise click.BadParameter(
            f"--finding {code}: expected points or one of {known}, got {text!r}"
        )
    return {"code": code, "result": text}


def _check_codes(given: Mapping[str, str], found: Mapping[str, Any], option: str) -> None:
    for code in given:
        if code not in found:
            raise click.UsageError(
                f"{option} {code}: there is no --finding {code}; findings: {', '.join(found)}"
            )


def scale_value(code: str, text: str, scale: int) -> int:
    """Return what was measured as the whole number that a finding has.

    Args:
        code: of the criterion.
        text: as written, for example `52.5`.
        scale: decimal places of the criterion's threshold.

    Raises:
        FormatError: it is no number of so many places.
    """
    try:
        value = Decimal(text[:_SHOWN]).scaleb(scale)
    except (InvalidOperation, Overflow):
        value = Decimal("NaN")
    is_number = value.is_finite() and 0 <= value <= _LARGEST
    if not is_number or value != value.to_integral_value():
        places = f"with at most {scale} decimal places" if scale else "without decimal places"
        raise FormatError(f"--value {code}: expected a number {places}, got {text[:_SHOWN]!r}")
    return int(value)


def _authorised(
    person: bytes, name: str, scheme: str, known: list[Mapping[str, Any]]
) -> dict[str, bytes]:
    held = [one for one in known if one["person"] == person and one["scheme"] == scheme]
    held.sort(key=lambda one: one["status"] == "active")
    if not held:
        raise RefusedError(
            f"{name} is not authorised for scheme {scheme!r} at this site; "
            "'sopro assessor authorise' does that",
            code="ass.authority",
        )
    return {"authorisation": held[-1]["entity"], "person": person}


COMMANDS = (evaluate,)
