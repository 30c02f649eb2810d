"""What becomes of rows: counted, told to a person, and written to the file of bad rows."""

from collections.abc import Mapping
from typing import Any, Final

from sopro_node.importing.job import Job
from sopro_node.importing.mapping import plain_columns
from sopro_node.importing.mapping_parts import SourceMapping
from sopro_node.importing.plan import Planned, Verdict
from sopro_node.importing.report import Fate, Report
from sopro_node.importing.rows import BadRows, Source
from sopro_protocol.errors import RefusedError

MAX_TOLD: Final = 20
_MOST_SHOWN: Final = 60
_RULE_CODES: Final = "lbl."


class Fates:
    """Takes note of what becomes of the rows of an import."""

    def __init__(
        self, job: Job, mapping: SourceMapping, source: Source, *, bad: BadRows, report: Report
    ) -> None:
        self._job = job
        self._mapping = mapping
        self._source = source
        self._bad = bad
        self._report = report
        self._told = 0

    def count(self, one: Planned, outcome: Mapping[str, Any]) -> None:
        """Count a row that has been planned, by what the node answered to its drafts.

        Raises:
            RefusedError: the site has not been admitted; no row can come in.
        """
        row, code = one.row, str(outcome.get("code", ""))
        if one.remark:
            self._report.remark(row.line, one.remark)
        if code == "mem.inactive":
            raise RefusedError(
                f"{outcome['error']}; a site imports once it is admitted and has synced "
                "('sopro join', then 'sopro sync')",
                code=code,
            )
        if one.verdict is Verdict.REFUSED or code.startswith(_RULE_CODES):
            self._report.summary.refused += 1
            self._report.summary.forbidden += not one.is_expected
            reason = self._place(one, outcome.get("error", one.reason))
            self._keep(row.line, row.cells, Fate.REFUSED, reason)
        elif one.verdict is Verdict.BAD or code:
            again = "; it has changed meanwhile, import again" if outcome.get("is_conflict") else ""
            reason = one.reason or f"{outcome['error']}{again}"
            self.fail(row.line, row.cells, self._place(one, reason))
        elif one.verdict is Verdict.UNCHANGED:
            self._report.summary.unchanged += 1
        else:
            self._report.summary.appended += 1
            is_change = one.is_change or bool(one.drafts and one.drafts[0]["seen"])
            self._report.summary.changed += is_change
            self._report.summary.new += not is_change

    def tell_unknown(self) -> None:
        """Name the columns that no field is called like: one of them may be mistyped."""
        unknown = [repr(name[:_MOST_SHOWN]) for name in self._report.unused]
        if unknown:
            known = ", ".join(plain_columns(self._job.kind))
            self._job.tell(
                f"{self._job.path}: left aside, because no field has such a name: "
                f"{', '.join(unknown[:MAX_TOLD])}; fields: {known}"
            )

    def _place(self, one: Planned, reason: str) -> str:
        """Say in which column, and with which value, what is wrong with a row is."""
        if reason.startswith("column "):
            return reason
        columns = self._mapping.columns_of(one.field) or self._mapping.columns_of("key")
        if one.field == "status" and one.row.item is not None and one.row.item.status[0]:
            columns = (one.row.item.status[0],)
        cells = dict(zip(self._source.header, one.row.cells, strict=False))
        places = [f"column {name!r}, value {cells.get(name, '')[:80]!r}" for name in columns]
        return f"{' and '.join(places)}: {reason}"

    def fail(self, line: int, cells: list[str], reason: str) -> None:
        """Take note of a row with an error."""
        self._report.summary.bad += 1
        self._keep(line, cells, Fate.BAD, reason)

    def _keep(self, line: int, cells: list[str], fate: Fate, reason: str) -> None:
        """Tell of a row that does not go in, and write it down unless nothing is to be changed."""
        self._report.tell(line, fate, reason)
        text = f"refused: {reason}" if fate is Fate.REFUSED else reason
        if not self._job.is_dry:
            self._bad.add(cells, f"line {line}: {text}")
        self.tell(line, text)

    def tell(self, line: int, text: str) -> None:
        """Tell a person of a row, the first few of them."""
        self._told += 1
        if self._told <= MAX_TOLD:
            self._job.tell(f"{self._job.path}:{line}: {text}")

    def tell_rest(self) -> None:
        """Say how many more there were to tell of."""
        if self._told > MAX_TOLD:
            self._job.tell(f"... and {self._told - MAX_TOLD} more")
