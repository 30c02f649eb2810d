"""What overlays ask of logs that are audited, answered from what the audit has projected."""

from collections import defaultdict
from collections.abc import Mapping

from sopro_node.audit.judging import LogAudit
from sopro_registry.directory import Directory
from sopro_registry.overlays import Lookup
from sopro_registry.tables import EntityRow


def make_lookup(
    audits: Mapping[str, LogAudit], directory: Directory, *, coordinator: str
) -> Lookup:
    """Return the lookup over logs that are judged to their ends.

    Args:
        audits: of these, by origin.
        directory: the coordinator's records.
        coordinator: code of its site; empty where it is not known.
    """
    named: dict[tuple[str, str, str], list[bytes]] = defaultdict(list)
    for origin, audit in audits.items():
        for (family, name), entity in sorted(audit.tables.names.items()):
            named[origin, family, name.split(" ")[0]].append(entity)

    def row(origin: str, entity: bytes) -> EntityRow | None:
        return audits[origin].tables.entities.get(entity)

    def about(origin: str, family: str, label: bytes) -> list[bytes]:
        return named.get((origin, family, label.hex()), [])

    def acted_on(origin: str) -> int | None:
        head = audits[origin].cursor.acted_on
        return head.size if head else None

    def closed_on(origin: str) -> int:
        return audits[origin].cursor.import_closed_on

    return Lookup(row, about, acted_on, closed_on, directory, coordinator)
