"""The catalogue: importing it enters all cases."""

from typing import Final

from sopro_conformance.case import CASES
from sopro_conformance.cases import (
    access,
    admitting,
    approving,
    asked,
    ass,
    cert,
    ckp,
    counted,
    crowd,
    declared,
    enc,
    forked,
    hos,
    hostile,
    labelled,
    lbl,
    log,
    mem,
    private,
    published,
    rules,
    sig,
    syncing,
    tls,
    ver,
    watched,
    witnessing,
)

__all__ = ["CASES", "GROUPS", "MODULES"]

MODULES: Final = (
    *(enc, sig, log, ckp, mem, lbl, ass, cert, hos, ver, published, syncing, hostile, forked),
    *(witnessing, labelled, private, asked, declared, crowd, watched, admitting),
    *(approving, tls, access, counted, rules),
)

GROUPS: Final = ("ENC", "SIG", "LOG", "CKP", "SYN", "MEM", "LBL", "NEG", "ACC", "ERR", "VER", "HOS")
"""In the order in which they are tried: what comes later rests on what comes before."""
