"""Examples below the help of commands whose own words have none: one line or several for each.

A person who asks a command for help wants to see one that works, at every level.
"""

from collections.abc import Mapping
from typing import Final

import rich_click as click

_ON_LABEL: Final = "SOPRO/AT0/001/00001"

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "adapter": ("sopro adapter",),
    "anchor": ("sopro anchor at --keep 4711:ROOT --root-key root.pem",),
    "assessor": (
        'sopro assessor authorise at --name "Maria Huber" --basis iso17065 '
        "--valid-until 2028-12-31",
        'sopro assessor authorise at --name "Ida Wolf" --new-person "Ida Wolf" --basis iso17065 '
        "--valid-until 2028-12-31",
        "sopro assessor list at",
    ),
    "audit": ("sopro audit at", "sopro audit https://at.sopro.example --invite invite.json"),
    "backup": ("sopro backup at /backups/at-2026-11-22",),
    "certificate": (
        f"sopro certificate get {_ON_LABEL} --dir at -o chair.sopro",
        "sopro certificate verify chair.sopro --invite invite.json",
    ),
    "certificate check": ("sopro certificate check chair.sopro --invite invite.json",),
    "certificate get": (f"sopro certificate get {_ON_LABEL} --dir at -o chair.sopro",),
    "certificate qr": (f"sopro certificate qr {_ON_LABEL} --dir at -o chair.svg",),
    "certificate verify": (
        "sopro certificate verify chair.sopro --invite invite.json",
        "sopro certificate verify chair.sopro --invite invite.json --at 2026-11-22 --json",
    ),
    "codelist": (
        "sopro codelist import eeig cpv.csv --version 2008",
        "sopro codelist show cpv --dir at --code 03221000",
    ),
    "codelist list": ("sopro codelist list --dir at",),
    "codelist show": ("sopro codelist show cpv --dir at --code 03221000 --language de",),
    "conformance": ("sopro conformance state at out", "sopro conformance watch eeig"),
    "conformance state": ("sopro conformance state at out",),
    "conformance watch": ("sopro conformance watch eeig --site at",),
    "criteria": (
        "sopro criteria list --dir at",
        "sopro criteria show sopro S1 --dir at",
        "sopro criteria publish eeig criteria.toml",
    ),
    "demo": ("sopro demo --once", "sopro demo --dir demo"),
    "erase": ("sopro erase at ENTITY --reason request",),
    "evidence": ("sopro evidence list at", "sopro evidence verify FILE --invite invite.json"),
    "evidence get": ("sopro evidence get 41c0ffee --dir at -o evidence.sopro",),
    "evidence list": ("sopro evidence list at",),
    "evidence show": ("sopro evidence show evidence.sopro",),
    "evidence verify": ("sopro evidence verify evidence.sopro --invite invite.json",),
    "federation": ("sopro federation new eeig --name sopro.example",),
    "federation invite": ("sopro federation invite eeig > invite.json",),
    "federation new": (
        "sopro federation new eeig --name sopro.example --url https://eeig.sopro.example",
        "sopro federation new eeig --name sopro.example --criteria criteria.toml",
    ),
    "federation take-over": (
        "sopro federation take-over new --invite invite.json --url https://new.sopro.example "
        "--peer https://at.sopro.example",
    ),
    "inspect": ("sopro inspect chair.sopro", "sopro inspect - < checkpoint"),
    "join": ("sopro join at invite.json",),
    "keys": ("sopro keys list at", "sopro keys rotate at log --root-key root.pem"),
    "keys approvers": (
        "sopro keys approvers at fr hu --root-key root.pem",
        "sopro keys approvers at --all",
    ),
    "keys encrypt": ("sopro keys encrypt at --passphrase-file passphrase",),
    "keys export": ("sopro keys export at root.pem",),
    "keys list": ("sopro keys list at",),
    "keys recover": ("sopro keys recover at --successor successor.pem",),
    "keys renew-by": ("sopro keys renew-by at log 2028-12-31 --root-key root.pem",),
    "keys revoke": ("sopro keys revoke at registrar --at-size 4711 --root-key root.pem",),
    "keys rotate": ("sopro keys rotate at log --root-key root.pem",),
    "label": ("sopro label list --dir at", f"sopro label show {_ON_LABEL} --dir at"),
    "label list": ("sopro label list --dir at --site hu --at 2026-11-22",),
    "label show": (f"sopro label show {_ON_LABEL} --dir at --at 2026-11-22 --json",),
    "members": ("sopro members list eeig", "sopro members admit eeig at"),
    "members admit": ("sopro members admit eeig at --prefix AT0",),
    "members approve": ("sopro members approve hu at ROOT --root-key root.pem",),
    "members change": ("sopro members change eeig at --url https://at.sopro.example",),
    "members expel": ("sopro members expel eeig at",),
    "members inbox": ("sopro members inbox eeig",),
    "members leave": ("sopro members leave eeig at --successor de",),
    "members list": ("sopro members list eeig",),
    "members recover": ("sopro members recover eeig at",),
    "members refuse": ("sopro members refuse eeig at",),
    "members release": ("sopro members release eeig at",),
    "members renew-epoch": ("sopro members renew-epoch eeig at",),
    "members suspend": ("sopro members suspend eeig at",),
    "members witnesses": ("sopro members witnesses eeig --site at --site hu --site de",),
    "offering": ("sopro offering add at --organisation HOLDER --name de=Sessel --name en=Chair",),
    "offering add": (
        "sopro offering add at --organisation HOLDER --name de=Sessel --name en=Chair "
        "--cpv 39112000",
    ),
    "officer": (
        'sopro officer add at "Maria Huber" --role assessor --new-person "Maria Huber"',
        "sopro officer trail at",
    ),
    "organisation": (
        'sopro organisation add at --legal-name "Tischlerei Muster" --country AT',
        "sopro organisation lineage ENTITY --dir at",
    ),
    "organisation add": (
        'sopro organisation add at --legal-name "Tischlerei Muster" --country AT '
        "--identifier VAT=ATU13585627 --locality Graz --nuts AT221",
    ),
    "organisation lineage": ("sopro organisation lineage ENTITY --dir at --at 2026-11-22",),
    "organisation relate": (
        "sopro organisation relate at ENTITY merged_into OTHER --since 2026-01-01",
        "sopro organisation relate at ENTITY same_as OTHER --site hu",
    ),
    "organisation unrelate": ("sopro organisation unrelate at ENTITY OTHER",),
    "policy": ("sopro policy export at > policy.txt",),
    "policy check": ("sopro policy check checkpoint --policy policy.txt",),
    "policy export": ("sopro policy export at > policy.txt",),
    "recover": (
        "sopro recover at --from-peers --invite invite.json --site at --keys /backups/at-keys",
    ),
    "reindex": ("sopro reindex at",),
    "restore": ("sopro restore /backups/at-2026-11-22 at --keys /backups/at-keys",),
    "serve": ("sopro serve at", "sopro serve at --listen 127.0.0.1:8441"),
    "site": ("sopro site new at --site at --country AT",),
    "site new": (
        "sopro site new at --site at --country AT --zone Europe/Vienna --language de "
        '--name "de=SoPro Österreich"',
    ),
    "status": ("sopro status at",),
    "sync": ("sopro sync at --once",),
    "transfer": (
        f"sopro transfer out at {_ON_LABEL} --to hu",
        "sopro transfer offers hu",
        f"sopro transfer in hu {_ON_LABEL}",
    ),
    "transfer in": (f"sopro transfer in hu {_ON_LABEL}",),
    "transfer offers": ("sopro transfer offers hu",),
    "transfer out": (f"sopro transfer out at {_ON_LABEL} --to hu",),
    "withhold": ("sopro withhold at 41 --reason personal_data --root-key root.pem",),
}


def add_examples(command: click.Command, path: str) -> None:
    """Put its examples below the help of a command, and of all that it groups."""
    lines = "\n".join(EXAMPLES.get(path, ()))
    if lines and f"```\n{lines}\n```" not in (command.help or ""):
        command.help = f"{command.help or ''}\n\n```\n{lines}\n```"
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            add_examples(one, f"{path} {name}")
