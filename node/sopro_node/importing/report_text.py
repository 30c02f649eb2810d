"""A report as a page: sections of sentences and tables, as Markdown or as HTML."""

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sopro_node.importing.report import MAX_LISTED, Report
from sopro_protocol.errors import FormatError

_SHOWN: Final = 400
_LONG_WORD: Final = 25
_MARKED: Final = re.compile(r"([\\`*_{}\[\]#|~])")
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "th,td{border:1px solid #767676;padding:.25rem .6rem;text-align:left;vertical-align:top}"
    "td.long{overflow-wrap:anywhere}th{background:#f0f0f0}main{overflow-x:auto}"
)


class Section(NamedTuple):
    """A heading, sentences and a table, which may have no rows."""

    heading: str
    sentences: Sequence[str]
    header: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


def check_report_path(path: Path) -> None:
    """Check that a report can be written there.

    Raises:
        FormatError: it is there already, or the ending names no form.
    """
    if path.suffix not in _FORMS:
        raise FormatError(
            f"{path}: expected a report named .html or .md, got {path.suffix or 'no ending'!r}"
        )
    if path.exists():
        raise FormatError(f"{path}: is there already; name another file with --report")


def format_report(report: Report, suffix: str) -> str:
    """Write a report in the form of a file's ending: `.html` or `.md`."""
    return _FORMS[suffix](_title(report), list(_sections(report)))


def _title(report: Report) -> str:
    dry = " (dry run: nothing was changed)" if report.is_dry else ""
    return f"Import of {report.file} as {report.kind}{dry}"


def _sections(report: Report) -> Iterator[Section]:
    yield _came_in(report)
    if report.reasons:
        reasons = report.reasons.most_common()
        yield Section(
            "What did not, by reason",
            [],
            ("fate", "reason", "how often"),
            [(fate, reason, count) for (fate, reason), count in reasons],
        )
    if report.troubles:
        told = sum(report.reasons.values())
        listed = [] if told <= MAX_LISTED else [f"The first {MAX_LISTED} of {told}."]
        yield Section(
            "What did not, line by line", listed, ("line", "fate", "why"), report.troubles
        )
    if report.remarks:
        told = report.remarked
        listed = [] if told <= MAX_LISTED else [f"The first {MAX_LISTED} of {told}."]
        yield Section("What to look at", listed, ("line", "what"), report.remarks)
    if report.skipped:
        sentence = "Rows the mapping passes over; they are not among those that were read."
        yield Section("Passed over", [sentence], ("reason", "rows"), report.skipped.most_common())
    if report.identifiers:
        yield _identifiers(report)
    if report.duplicates or report.not_compared:
        yield _duplicates(report)
    if report.new_people:
        yield _new_people(report)
    if report.spellings:
        header = ("field", "as it stands there", "read as", "how often")
        spellings = [(*place, count) for place, count in report.spellings.items()]
        yield Section("Spellings", [], header, spellings)
    yield _file(report)


def _came_in(report: Report) -> Section:
    counts = report.summary
    rows = [
        ("read", counts.read, "rows that were asked for"),
        ("appended", counts.appended, "would be appended" if report.is_dry else "are in now"),
        ("of them new", counts.new, "the register did not have what they are about"),
        ("of them changed", counts.changed, "they change what it has, or go on with it"),
        ("unchanged", counts.unchanged, "were in already, or say again what another says"),
        ("refused", counts.refused, "a rule forbids them; nothing changed"),
        ("bad", counts.bad, "an error; to be corrected and imported again"),
        ("cells left out", counts.left_out, "count as empty, as the mapping has it"),
        ("passed over", counts.skipped, "not asked for"),
    ]
    return Section("What came in", [], ("rows", "number", "what it means"), rows)


def _identifiers(report: Report) -> Section:
    rows = [
        (one.line, one.name, one.identifier, one.problem, one.suggestion, one.reason or "not taken")
        for one in report.identifiers
    ]
    header = ("line", "of", "identifier", "what is wrong", "perhaps meant", "taken, because")
    return Section("Identifiers that fail their check", [], header, rows)


def _duplicates(report: Report) -> Section:
    sentences = ["Hints only: nothing was left out for them."]
    if report.not_compared:
        sentences.append(f"{report.not_compared} organisations beyond these were not compared.")
    rows = [
        (f"same {one.kind}", one.shared, "; ".join(one.members))
        for one in report.duplicates[:MAX_LISTED]
    ]
    header = ("what", "shared", "organisations")
    return Section("Perhaps the same organisation twice", sentences, header, rows)


def _new_people(report: Report) -> Section:
    sentence = "Who is nearly named as somebody else is perhaps the same person, mistyped."
    rows = [(name, ", ".join(near)) for name, near in report.new_people.items()]
    header = ("name", "nearly the name of")
    return Section("People who are new at this site", [sentence], header, rows[:MAX_LISTED])


def _file(report: Report) -> Section:
    known = report.recognised._asdict()
    rows: list[Sequence[object]] = [
        (name, ", ".join(value) if isinstance(value, tuple) else value)
        for name, value in known.items()
        if value
    ]
    rows += [(f"column {column}", use) for column, use in report.used.items()]
    rows += [(f"column {column}", "not used") for column in report.unused]
    return Section("How the file was read", [], ("what", "as"), rows)


def _markdown(title: str, sections: Sequence[Section]) -> str:
    lines = [f"# {_marked(title)}", ""]
    for one in sections:
        lines += [f"## {one.heading}", "", *(_marked(sentence) for sentence in one.sentences), ""]
        if one.rows:
            lines += [_line(one.header), _line(["---"] * len(one.header))]
            lines += [_line([_marked(_cut(cell)) for cell in row]) for row in one.rows]
            lines.append("")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(text: str) -> str:
    """Write a text so that nothing in it is taken for Markdown or HTML."""
    return _MARKED.sub(r"\\\1", html.escape(text, quote=False))


def _html(title: str, sections: Sequence[Section]) -> str:
    escape = html.escape
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
    ]
    for one in sections:
        parts.append(f"<h2>{escape(one.heading)}</h2>")
        parts += [f"<p>{escape(sentence)}</p>" for sentence in one.sentences]
        if one.rows:
            head = "".join(f'<th scope="col">{escape(name)}</th>' for name in one.header)
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>")
            for row in one.rows:
                parts.append(f"<tr>{''.join(_html_cell(_cut(cell)) for cell in row)}</tr>")
            parts.append("</tbody></table>")
    return "\n".join([*parts, "</main></body></html>", ""])


def _html_cell(text: str) -> str:
    """Write a cell; a word is broken only where it is longer than the words of a language."""
    is_long = max(map(len, text.split()), default=0) > _LONG_WORD
    begin = '<td class="long">' if is_long else "<td>"
    return f"{begin}{html.escape(text)}</td>"


def _cut(cell: object) -> str:
    """Write a cell on one line, not longer than anybody reads."""
    text = " ".join(str(cell).encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_FORMS: Final = {".html": _html, ".md": _markdown}
