"""VER: versions of the protocol."""

from sopro_conformance.case import case
from sopro_conformance.trial import Trial
from sopro_conformance.vectors import read_questions


@case(
    "VER-06",
    "What was frozen with the protocol keeps its verdict.",
    clauses="ENC-12 REC-11 DOC-1 KEY-2 KEY-4 TREE-1 TREE-4 TILE-5 NOTE-8 CKP-5 COS-3 PROOF-1",
)
async def frozen(trial: Trial) -> None:
    """Ask for every frozen vector that the adapter protocol has a kind for."""
    for name, kind, fields, twin, code in read_questions():
        if code:
            await trial.refuses(kind, code, delta=name, twin=twin, **fields)
        else:
            await trial.accepts(kind, what=name, **fields)
