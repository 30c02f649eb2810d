"""Figures: what was reached beside what is required, and the table they are printed in."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from machine import Span
from rich.console import Console
from rich.table import Table


class Figure(NamedTuple):
    """One line of the table.

    Attributes:
        name: of the benchmark.
        what: was measured.
        required: as the design has it.
        is_met: whether the median is within it.
        reached: median, least and most of the runs.
        unit: of what was reached, empty for a ratio.
        limit: the machine's own, measured in the same run.
    """

    name: str
    what: str
    required: str
    is_met: bool | None
    reached: Span
    unit: str = ""
    limit: str = ""

    def row(self) -> dict[str, Any]:
        return {**self._asdict(), "reached": self.reached._asdict()}


def at_least(bound: float, reached: Span) -> dict[str, Any]:
    return {"required": f">= {bound:g}", "is_met": reached.median >= bound, "reached": reached}


def at_most(bound: float, reached: Span) -> dict[str, Any]:
    return {"required": f"<= {bound:g}", "is_met": reached.median <= bound, "reached": reached}


def only(reached: Span) -> dict[str, Any]:
    """Describe a figure nothing is required of."""
    return {"required": "", "is_met": None, "reached": reached}


def format_number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def print_figures(figures: Iterable[Figure], notes: Sequence[str]) -> None:
    table = Table(title="required and reached; medians, least and most of the runs")
    for heading in ("benchmark", "what", "required", "reached", "least - most", "limit"):
        table.add_column(heading, overflow="fold")
    for one in figures:
        verdict = {True: "met", False: "missed", None: ""}[one.is_met]
        table.add_row(
            one.name,
            one.what,
            one.required,
            f"{format_number(one.reached.median)} {one.unit} {verdict}",
            f"{format_number(one.reached.least)} - {format_number(one.reached.most)}",
            one.limit,
        )
    console = Console(width=150)
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
