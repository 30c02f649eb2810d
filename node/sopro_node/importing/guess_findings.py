"""Which columns of an evaluation's row are criteria, by their names, and what their words mean."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from sopro_node.importing.guess_assessed_words import RESULTS
from sopro_node.importing.guess_columns import MOST_WORDS, Column
from sopro_node.importing.guess_text import Lines, quote, samples, translate

_CODE: Final = re.compile(r"[A-Za-z]{1,4}[-_.]?[0-9]{1,3}([.-][0-9]{1,3}){0,3}")
_POINTS: Final = re.compile(r"[0-9]{1,6}")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_MOST: Final = 200


def write_findings(columns: Iterable[Column], lines: Lines) -> set[str]:
    """Write the tables of findings; return the columns that they use.

    A column that is named like the code of a criterion holds points where all are whole numbers,
    and results otherwise.
    """
    found = [one for one in columns if one.values and _CODE.fullmatch(one.name)][:_MOST]
    points = [one for one in found if all(map(_POINTS.fullmatch, one.values))]
    results = [one for one in found if one not in points]
    lines.table("evaluations.findings")
    for one in found:
        code = one.name if _BARE.fullmatch(one.name) else quote(one.name)
        kind = ', kind = "points"' if one in points else ""
        remark = f"points? or kind = value: {samples(one.values)}" if kind else samples(one.values)
        lines.pair(code, f"{{ column = {quote(one.name)}{kind} }}", remark)
    if not found:
        lines.wanted(
            "evaluations findings",
            'S1 = { column = "...", kind = "points" }',
            "which column is which criterion: as a result, as points, or as a value?",
        )
    if results:
        lines.table("evaluations.results")
        counts = Counter(text for one in results for text in one.values)
        translate(counts.most_common(MOST_WORDS), RESULTS, "evaluations result", lines)
    return {one.name for one in found}
