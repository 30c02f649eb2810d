"""Progress bars, on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, int, int], None]
"""Told what is counted, how much of it is done, and how much there is."""


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Show one bar for each thing that is counted; none where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _name, _done, _total: None
        return
    # Loaded only where somebody looks: a tenth of a second saved.
    from rich import progress as rich  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    bars: dict[str, rich.TaskID] = {}
    with rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as shown:

        def report(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = shown.add_task(name, total=total)
            shown.update(bars[name], completed=done, total=total)

        yield report
