"""What the status tree costs an append, and what all but signatures costs a certificate's check."""

import json
import subprocess
import sys

from figures import Figure, at_most, only
from machine import HERE, span_of
from workload import Site, World


def measure(world: World, member: Site, *, certificates: int, runs: int) -> list[Figure]:
    """Fill a copy of a member's log with certificates; a process of its own does the work."""
    copy = world.copy(member, "status")
    done = subprocess.run(
        [
            *(sys.executable, str(HERE / "certifying.py"), str(copy.folder)),
            *(str(world.coordinator.folder / "invite.json"), str(certificates), str(runs)),
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)
    held = f"{certificates:,} certificates held"
    plain = f"{span_of(found['plain']).median * 1e3:.2f} ms for an organisation, {held}"
    update = span_of([one / two for one, two in zip(found["update"], found["plain"], strict=True)])
    figures = [
        Figure("status", "a decision / a plain append, durable", **at_most(2, update), limit=plain),
        Figure(
            "status",
            "replacing a leaf and its root",
            **only(span_of([one * 1e6 for one in found["leaf"]])),
            unit="us",
            limit=held,
        ),
        Figure(
            "status",
            "the tree built anew, each label",
            **only(span_of([one * 1e6 / certificates for one in found["build"]])),
            unit="us",
            limit=held,
        ),
    ]
    for name, one in found["verify"].items():
        ratio = span_of(
            [whole / signatures for whole, signatures in zip(*one["times"], strict=True)]
        )
        signatures = f"{one['signatures']} signatures, {one['bytes']:,} bytes"
        what = f"verifying {name} / its signatures alone"
        figures.append(Figure("status", what, **at_most(1.5, ratio), limit=signatures))
    return figures
