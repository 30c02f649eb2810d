"""What other nodes have said and asked: for admission, by heads, by cosignatures, by evidence."""

import sqlite3

from sopro_node.store import statements as sql
from sopro_node.store.rows import CosignedRow, EvidenceRow, ExchangeRow, WitnessRow


class Others:
    """The tables of what comes from other nodes, on a store's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def applications(self) -> list[tuple[str, int, bytes]]:
        """Return the open requests for admission."""
        return self._db.execute(sql.GET_APPLICATIONS).fetchall()

    def exchanges(self) -> list[ExchangeRow]:
        """Return how the exchange of each log went."""
        return [ExchangeRow(*row) for row in self._db.execute(sql.GET_EXCHANGES)]

    def witness_heads(self) -> list[WitnessRow]:
        """Return what this node's witness cosigned last, by log."""
        return [WitnessRow(*row) for row in self._db.execute(sql.GET_WITNESS_HEADS)]

    def cosigned(self) -> list[CosignedRow]:
        """Return the cosignatures known of each log."""
        return [CosignedRow(*row) for row in self._db.execute(sql.GET_COSIGNED)]

    def evidence(self) -> list[EvidenceRow]:
        """Return all evidence of two histories, in the order in which it came."""
        return [EvidenceRow(*row) for row in self._db.execute(sql.GET_EVIDENCE)]

    def evidence_file(self, evidence: bytes) -> bytes | None:
        """Return one evidence file."""
        row = self._db.execute(sql.GET_EVIDENCE_FILE, (evidence,)).fetchone()
        return row[0] if row else None

    def put_application(self, site: str, received: int, request: bytes) -> None:
        """Keep a request for admission."""
        self._db.execute(sql.PUT_APPLICATION, (site, received, request))

    def cut_application(self, site: str) -> None:
        """Drop a request for admission."""
        self._db.execute(sql.CUT_APPLICATION, (site,))

    def put_exchange(self, row: ExchangeRow) -> None:
        """Keep how the exchange of a log went."""
        self._db.execute(sql.PUT_EXCHANGE, row)

    def put_evidence(self, row: EvidenceRow) -> None:
        """Keep evidence."""
        self._db.execute(sql.PUT_EVIDENCE, row)

    def put_witness_head(self, row: WitnessRow) -> None:
        """Keep what this node's witness cosigned."""
        self._db.execute(sql.PUT_WITNESS_HEAD, row)

    def cut_witness_head(self, origin: str) -> None:
        """Forget what this node's witness cosigned of a log."""
        self._db.execute(sql.CUT_WITNESS_HEAD, (origin,))

    def put_cosigned(self, row: CosignedRow) -> None:
        """Keep the cosignatures known of a log."""
        self._db.execute(sql.PUT_COSIGNED, row)
