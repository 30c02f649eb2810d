"""The catalogue: importing it enters all cases."""

from typing import Final

from sopro_conformance.case import CASES
from sopro_conformance.cases import (
    access,
    accused,
    admitting,
    agreed,
    anchors,
    answering,
    applying,
    approving,
    asked,
    ass,
    cert,
    ckp,
    coded,
    continued,
    corrected,
    counted,
    criteria,
    crowd,
    declared,
    enc,
    epochs,
    flooded,
    forked,
    gaps,
    grown,
    held,
    hos,
    hostile,
    labelled,
    lbl,
    log,
    marked,
    mem,
    overlaid,
    own,
    panels,
    papers,
    private,
    published,
    related,
    rules,
    settled,
    sig,
    stated,
    stating,
    successors,
    syncing,
    tls,
    validity,
    ver,
    versions,
    watched,
    withheld,
    witnessing,
    yearly,
)

__all__ = ["CASES", "GROUPS", "MODULES"]

MODULES: Final = (
    *(enc, sig, log, ckp, mem, lbl, ass, cert, hos, ver, published, syncing, hostile, forked),
    *(witnessing, labelled, private, asked, declared, crowd, watched, admitting),
    *(approving, tls, access, counted, rules),
    *(applying, answering, panels, criteria, validity, overlaid, related, agreed, grown),
    *(stating, coded, marked, yearly, corrected),
    *(papers, held, withheld, epochs, successors, anchors),
    *(gaps, continued, settled, accused, stated),
    *(flooded, own, versions),
)

GROUPS: Final = ("ENC", "SIG", "LOG", "CKP", "SYN", "MEM", "LBL", "NEG", "ACC", "ERR", "VER", "HOS")
"""In the order in which they are tried: what comes later rests on what comes before."""
