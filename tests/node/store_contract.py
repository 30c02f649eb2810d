"""What any store must do; each store's test module runs these tests against itself."""

from collections.abc import Callable

import pytest

from sopro_node.store.base import Store
from sopro_node.store.directory_index import Described, Listed
from sopro_node.store.rows import (
    CosignedRow,
    DocumentRow,
    EvidenceRow,
    ExchangeRow,
    LogRow,
    WitnessRow,
)
from sopro_protocol.bundle import Withheld
from sopro_protocol.errors import SoproError
from sopro_registry.family import Decided, Erased, LabelIndex, Withholding
from sopro_registry.tables import EntityRow, Void

Open = Callable[[], Store]
ROOT = bytes(32)
LABEL = LabelIndex("SOPRO/AT0/001/00001", 1, 739_000, 740_000, 2026)


class StoreContract:
    """Inherit, and give a fixture `open_store` that opens the same store again and again."""

    def test_keeps_what_was_committed(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_setting("name", b"value")
            store.put_log(LogRow(1, "sopro.example/at/1", 0, ROOT, b"", b""))
        again = open_store()
        assert again.setting("name") == b"value"
        assert again.logs() == [LogRow(1, "sopro.example/at/1", 0, ROOT, b"", b"")]

    def test_keeps_what_a_witness_cosigned_last(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.others.put_witness_head(WitnessRow("sopro.example/hu/1", 0, ROOT, 5, b"old"))
            store.others.put_witness_head(WitnessRow("sopro.example/at/1", 7, ROOT, 5, b"note"))
            store.others.put_cosigned(CosignedRow("sopro.example/at/1", b"", b""))
        with store.transaction():
            store.others.put_witness_head(WitnessRow("sopro.example/hu/1", 2**48, ROOT, 6, b"new"))
            store.others.put_cosigned(CosignedRow("sopro.example/at/1", b"newest", b"witnessed"))
        again = open_store()
        assert again.others.witness_heads() == [
            WitnessRow("sopro.example/at/1", 7, ROOT, 5, b"note"),
            WitnessRow("sopro.example/hu/1", 2**48, ROOT, 6, b"new"),
        ]
        assert again.others.cosigned() == [
            CosignedRow("sopro.example/at/1", b"newest", b"witnessed")
        ]
        with again.transaction():
            again.others.cut_witness_head("sopro.example/at/1")
        assert [row.origin for row in again.others.witness_heads()] == ["sopro.example/hu/1"]

    def test_finds_what_each_log_says_that_it_took_over(self, open_store: Open) -> None:
        number, other = "SOPRO/AT0/001/00001", "SOPRO/AT0/001/000010"
        store = open_store()
        with store.transaction():
            for log in (1, 2, 3):
                store.put_log(LogRow(log, f"sopro.example/s{log}/1", 0, ROOT, b"", b""))
            taken = [("label_decision", f"{number} {index}", bytes([index])) for index in (7, 5)]
            store.put_names(3, [*taken, ("scheme", f"{number} 1", b"scheme")])
            store.put_names(2, [("label_decision", f"{number} 9", b"nine")])
            store.put_names(2, [("label_decision", f"{other} 1", b"other")])
        again = open_store()
        assert sorted(again.takeovers(number)) == [(2, b"nine"), (3, bytes([5]))]
        assert again.takeovers("SOPRO/AT0/001/0000") == []
        assert again.taken_numbers() == [number, other]

    def test_finds_numbers_by_what_was_decided_last(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            for log, status in ((1, 1), (1, 2), (1, 5), (2, 5)):
                number = f"SOPRO/AT{log}/001/0000{status}"
                row = LABEL._replace(number=number, status=status)
                store.put_labels(log, [(bytes([log, status]), row)])
        assert store.numbers_with((5, 5)) == ["SOPRO/AT1/001/00005", "SOPRO/AT2/001/00005"]
        assert store.numbers_with((1, 2), log=1) == ["SOPRO/AT1/001/00001", "SOPRO/AT1/001/00002"]
        assert store.numbers_with((1, 2), log=2) == []

    def test_keeps_what_is_left_of_withheld_entries_and_nothing_else(
        self, open_store: Open
    ) -> None:
        store = open_store()
        gone = Withholding(256, ROOT, 300, "mistake", b"instead")
        early = Withholding(5, ROOT, 300, "other", b"")
        with store.transaction():
            store.put_log(LogRow(1, "sopro.example/at/1", 0, ROOT, b"", b""))
            store.put_entries(1, 256, [b"withheld", b"", b"kept"])
            store.put_entries(2, 256, [b"another log's"])
            store.documents.put(1, [DocumentRow(one, 0, 0, ROOT, b"x") for one in (5, 256, 258)])
        with store.transaction():
            store.put_withheld(1, [gone, early])
            store.documents.put(1, [DocumentRow(256, 0, 0, ROOT, b"x")])
        again = open_store()
        assert again.entries(1, 0) == [Withheld(ROOT, 300), b"", b"kept"]
        assert again.entries(1, 257) == [b"", b"kept"]
        assert again.entries(2, 0) == [b"another log's"]
        assert again.withheld(1) == [early, gone]
        assert again.documents.places(1) == [(258, 0)]
        with store.transaction():
            store.clear_indexes(1)
            store.put_entries(1, 259, [Withheld(ROOT, 300)])
            store.put_withheld(1, [Withholding(259, ROOT, 300, "other", b"")])
        assert again.withheld(2) == []
        assert again.entries(1, 258) == [b"kept", Withheld(ROOT, 300)]
        with store.transaction():
            store.drop_log(1)
        assert again.withheld(1) == []

    def test_forgets_what_was_rolled_back(self, open_store: Open) -> None:
        store = open_store()
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.put_setting("name", b"value")
            store.put_entities(1, [(bytes(16), EntityRow("novel", ROOT, None))])
            _ = 1 // 0
        assert store.setting("name") is None
        assert store.entity(1, bytes(16)) is None
        with store.transaction():
            store.put_entities(1, [(bytes(16), EntityRow("novel", ROOT, None))])
        row = open_store().entity(1, bytes(16))
        assert row is not None
        assert row.family == "novel"

    def test_refuses_nothing_after_a_failure(self, open_store: Open) -> None:
        store = open_store()
        with pytest.raises(SoproError), store.transaction():
            raise SoproError("as it happens")
        with store.transaction():
            store.put_setting("name", b"value")
        assert open_store().setting("name") == b"value"

    def test_returns_entries_in_order_and_cuts_those_in_bundles(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_entries(1, 254, [b"a", b"b"])
            store.put_entries(1, 256, [b"c"])
            store.put_entries(2, 255, [b"other"])
        with store.transaction():
            store.put_bundles(1, [(0, ROOT, b"frame")])
            store.cut_entries(1, 256)
        assert store.entries(1, 0) == [b"c"]
        assert store.entries(2, 0) == [b"other"]
        assert store.bundle(1, 0) == b"frame"
        assert store.bundle(1, 1) is None
        assert store.bundle_roots(1) == [ROOT]

    def test_finds_documents_by_position(self, open_store: Open) -> None:
        store = open_store()
        rows = [DocumentRow(at, 0, 0, bytes(32), b"content") for at in (3, 5, 9)]
        with store.transaction():
            store.documents.put(1, rows)
        assert store.documents.between(1, 4, 9) == [rows[1]]
        assert store.documents.get(1, 9, 0) == rows[2]
        assert store.documents.get(1, 9, 1) is None

    def test_finds_entities_and_names_of_one_log_only(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_entities(1, [(b"e" * 16, EntityRow("scheme", ROOT, b"state"))])
            store.put_names(1, [("scheme", "sopro", b"e" * 16)])
        assert store.named(1, "scheme", "sopro") == b"e" * 16
        assert store.named(2, "scheme", "sopro") is None
        assert store.named_entities(1, "scheme", limit=2) == [b"e" * 16]
        assert store.named_after(1, "scheme", "sopro") == []
        assert not store.named_entities(1, "scheme", limit=0)
        assert not store.named_entities(2, "scheme", limit=2)
        assert list(store.entities(1, "scheme")) == [(b"e" * 16, False, b"state")]
        assert list(store.entities(2, "scheme")) == []

    def test_lists_labels_by_number(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            for number in (1, 2, 10):
                entity = bytes([number]) * 16
                store.put_entities(1, [(entity, EntityRow("label_decision", ROOT, b"s"))])
                label = LABEL._replace(number=f"SOPRO/AT0/001/{number:05d}")
                store.put_labels(1, [(entity, label)])
        listed = store.labels(after="SOPRO/AT0/001/00001", before="SOPRO/AT0/~", limit=9)
        assert [row.number[-5:] for row in listed] == ["00002", "00010"]
        assert store.last_number(low="SOPRO/AT0/001/", high="SOPRO/AT0/001/~") == (
            "SOPRO/AT0/001/00010"
        )
        assert store.named(1, "label_decision", "SOPRO/AT0/001/00002") == b"\x02" * 16
        assert store.named(2, "label_decision", "SOPRO/AT0/001/00002") is None

    def test_counts_labels_with_expiry_computed(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_entities(1, [(bytes(16), EntityRow("label_decision", ROOT, b"s"))])
            store.put_labels(1, [(bytes(16), LABEL)])
        assert store.settled_counts(LABEL.until) == [(1, 1, 2026, 1)]
        assert store.settled_counts(LABEL.until + 1) == [(1, 7, 2026, 1)]
        assert store.settled_counts(LABEL.settled - 1) == []
        assert store.unsettled(LABEL.settled - 1) == [(1, 2026, b"s")]

    def test_finds_entities_by_their_beginning(self, open_store: Open) -> None:
        """Also where another connection has seen the family first."""
        reader, store = open_store(), open_store()
        rows = [
            (bytes([1]) * 8 + bytes([end]) * 8, EntityRow("novel", ROOT, b"s")) for end in (0, 255)
        ]
        with store.transaction():
            store.put_entities(1, [*rows, (bytes([2]) * 16, EntityRow("novel", ROOT, b"s"))])
        found = reader.entities_at(1, bytes([1]) * 8)
        assert [(entity, row.family) for entity, row in found] == [
            (entity, "novel") for entity, _ in rows
        ]
        assert reader.entities_at(2, bytes([1]) * 8) == []

    def test_finds_many_entities_as_it_finds_each(self, open_store: Open) -> None:
        """Those that are there, of this log only; also where another has seen the family first."""
        reader, store = open_store(), open_store()
        asked = [number.to_bytes(16, "big") for number in range(250)]
        rows = [
            (entity, EntityRow("novel", ROOT, b"s" + entity, undetermined=entity[-1] == 4))
            for entity in asked[::2]
        ]
        with store.transaction():
            store.put_entities(1, rows)
            store.put_entities(2, [(asked[1], EntityRow("novel", ROOT, b"t"))])
        found = dict(reader.entities_of(1, asked))
        assert sorted(found) == asked[::2]
        for entity, row in found.items():
            alone = reader.entity(1, entity)
            assert alone is not None
            assert [getattr(row, name) for name in row.__slots__] == [
                getattr(alone, name) for name in row.__slots__
            ]
        assert list(reader.entities_of(1, [])) == []

    def test_finds_things_by_terms_in_order(self, open_store: Open) -> None:
        store = open_store()
        one, two, thing = b"\x01" * 8, b"\x02" * 8, b"\x09" * 8
        with store.transaction():
            store.directory.put_terms(
                1, [("w:b", two, b""), ("w:b", one, thing), ("w:b", one, b""), ("w:bc", two, thing)]
            )
            store.directory.put_terms(1, [("w:b", one, b"")])
        index = store.directory
        assert index.found(1, "w:b", after=(b"", b""), limit=9) == [
            (one, b""),
            (one, thing),
            (two, b""),
        ]
        assert index.found(1, "w:b", after=(one, b""), limit=1) == [(one, thing)]
        assert index.found_from(1, "w:b", "w:c", limit=9) == [
            (one, b""),
            (one, thing),
            (two, b""),
            (two, thing),
        ]
        assert sorted(index.found_at(1, "w:b", {one, two}, limit=9)) == [
            (one, b""),
            (one, thing),
            (two, b""),
        ]
        assert index.found_at(1, "w:bc", {one}, limit=9) == []
        assert len(index.found_at(1, "w:b", {one}, limit=1)) == 1
        assert index.found_among(1, "w:b", (one, one), limit=9) == [(one, b""), (one, thing)]
        assert index.count_found(1, "w:b", most=2) == 2
        assert index.count_found(1, "w:b", most=9) == 3
        begun = [index.begun_at(1, "w:b", "w:c", place=place) for place in range(5)]
        assert begun == ["w:b", "w:b", "w:b", "w:bc", None]
        assert index.is_found(1, "w:bc", two, low=thing, high=thing)
        assert not index.is_found(1, "w:bc", two, low=b"", high=b"")
        assert index.begun_at(2, "w:b", "w:c", place=0) is None

    def test_finds_labels_of_many_things_as_it_finds_those_of_each(self, open_store: Open) -> None:
        store = open_store()
        places = [(bytes([number // 3]) * 8, bytes([number]) * 8) for number in range(12)]
        with store.transaction():
            for number, place in enumerate(places):
                entity = bytes([number]) * 16
                if number % 4:
                    label = LABEL._replace(number=f"SOPRO/AT0/001/{number:05d}")
                    row = EntityRow("label_decision", ROOT, b"s", undetermined=number == 5)
                    store.put_entities(1, [(entity, row)])
                    store.put_labels(1, [(entity, label)])
                listed = label.number if number % 4 else ""
                line = Listed(*place, listed, bytes([number]) * 8, "sopro", number % 2 == 0)
                store.directory.put_listed(1, [line])
                store.directory.put_listed(2, [Listed(*place, "SOPRO/BE0/001/00001")])
        of, at = store.directory.labels_of, store.directory.labels_at
        for with_states in (False, True):
            alone = [
                found
                for holder, thing in places
                for found in at(
                    1,
                    holder,
                    between=(thing, thing),
                    after=(b"", ""),
                    limit=9,
                    with_states=with_states,
                )
            ]
            assert len(alone) == 9
            assert [found.row is not None for found in alone] == [with_states] * 9
            assert of(1, places, limit=64, with_states=with_states) == alone
            assert of(1, places[1:3], limit=64, with_states=with_states) == alone[:2]
            assert len(of(1, places, limit=4, with_states=with_states)) == 4
        assert alone[0].listed == Listed(*places[1], LABEL.number, b"\x01" * 8, "sopro")
        assert store.directory.listed_whole(1, *places[2]) == [alone[1].listed]

    def test_shows_what_lies_in_many_places(self, open_store: Open) -> None:
        store = open_store()
        places = [(bytes([number // 3]) * 8, bytes([number]) * 8) for number in range(120)]
        rows = [
            Described(number, holder, thing, ["w:a"], thing + b"rest", bytes([number]))
            for number, (holder, thing) in enumerate(places)
        ]
        # Two that share their place, and one whose line is too long to be kept.
        rows.append(rows[5]._replace(position=500, entity=places[5][1] + b"other", line=b"other"))
        rows[7] = rows[7]._replace(line=b"")
        with store.transaction():
            store.directory.put_described(1, rows)
            store.directory.put_described(2, rows[3:4])
        asked = [*places, (b"no such", b"place")]
        found = sorted(store.directory.shown(1, asked))
        expected = [(one.holder, one.thing, one.entity[8:], one.line) for one in rows if one.line]
        assert found == sorted(expected)
        assert [*store.directory.shown(1, places[9:10])] == [(*places[9], b"rest", b"\x09")]
        with store.transaction():
            store.directory.cut_described(1, [5])
        assert [*store.directory.shown(1, places[5:6])] == [(*places[5], b"other", b"other")]
        with store.transaction():
            store.directory.cut_all_described([1, 2])
        assert [*store.directory.shown(1, places), *store.directory.shown(2, places)] == []

    def test_finds_public_documents_of_some_records(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_log(LogRow(1, "sopro.example/at/1", 0, ROOT, b"", b""))
            store.documents.put(
                1,
                [
                    DocumentRow(position, number, int(position == 6), bytes(32), bytes([position]))
                    for position in (4, 5, 6, 150)
                    for number in (0, 1)
                ],
            )
        asked = [150, 4, 6, 7, *range(20, 140)]
        assert sorted(store.public_documents_of(1, asked)) == [(4, b"\x04"), (150, b"\x96")]
        assert store.public_documents_of(1, []) == []

    def test_drops_words_with_their_document(self, open_store: Open) -> None:
        store = open_store()
        holder = b"\x01" * 8
        with store.transaction():
            store.put_log(LogRow(1, "sopro.example/at/1", 0, ROOT, b"", b""))
            for position in (4, 5):
                store.documents.put(1, [DocumentRow(position, 0, 0, bytes(32), b"content")])
            store.directory.put_terms(1, [("n:AT", holder, b"")])
            store.directory.put_described(
                1,
                [
                    Described(4, holder, b"", ["w:a", "i:1"]),
                    Described(5, holder, holder, ["w:a"]),
                ],
            )
        count = store.directory.count_found
        assert count(1, "w:a", most=9) == 2
        with store.transaction():
            store.documents.erase(1, [Erased(4, 0, 7, 740_000)])
        assert (count(1, "w:a", most=9), count(1, "i:1", most=9)) == (1, 0)
        with store.transaction():
            store.documents.hide()
        assert (count(1, "w:a", most=9), count(1, "n:AT", most=9)) == (0, 1)

    def test_takes_no_document_that_somebody_else_has_erased(self, open_store: Open) -> None:
        store = open_store()
        gone = Erased(4, 0, 7, 740_000, "sopro.example/at/1")
        row = DocumentRow(4, 0, 0, bytes(32), b"Maria")
        with store.transaction():
            store.put_log(LogRow(1, "sopro.example/hu/1", 0, bytes(32), b"", b""))
            # The log that it is in comes later than what erases it.
            store.documents.erase(1, [gone])
        with store.transaction():
            store.put_log(LogRow(2, "sopro.example/at/1", 0, bytes(32), b"", b""))
            store.documents.put(2, [row, row._replace(position=5)])
        again = open_store()
        assert again.documents.places(2) == [(5, 0)]
        assert again.documents.erased_places(2) == {(4, 0)}
        assert (again.documents.erased(1), again.documents.erased(2)) == ([gone], [])
        assert again.documents.erased_places(1) == set()
        with again.transaction():
            again.clear_indexes(1)
        assert again.documents.erased_places(2) == set()

    def test_adds_to_counts(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_counts(1, [("grant", 2026, 2)])
        with store.transaction():
            store.put_counts(1, [("grant", 2026, 3)])
        assert store.decision_counts() == [(1, "grant", 2026, 5)]
        slow, fast = Decided("grant", "", 2026, 90), Decided("grant", "", 2026, -1)
        for more in ({slow: 2}, {slow: 3, fast: 1}):
            with store.transaction():
                store.directory.add_decided(1, more)
        assert store.directory.decided(1) == [(fast, 1), (slow, 5)]
        assert store.directory.decided(2) == []

    def test_empties_indexes_and_keeps_the_truth(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.put_log(LogRow(1, "sopro.example/at/1", 1, ROOT, b"", b""))
            store.put_entries(1, 0, [b"entry"])
            store.put_voids(1, [(0, Void("rec.form", "why"))])
            store.put_counts(1, [("grant", 2026, 2)])
        with store.transaction():
            store.clear_indexes()
        assert store.voids(1, start=0, limit=9) == []
        assert store.decision_counts() == []
        assert store.entries(1, 0) == [b"entry"]

    def test_keeps_how_exchanges_went(self, open_store: Open) -> None:
        store = open_store()
        row = ExchangeRow("sopro.example/at/1", 1, 2, 3, "hos.fork", "two histories")
        with store.transaction():
            store.others.put_exchange(row)
            store.others.put_application("at", 5, b"request")
        assert store.others.exchanges() == [row]
        assert store.others.applications() == [("at", 5, b"request")]
        with store.transaction():
            store.others.cut_application("at")
        assert store.others.applications() == []

    def test_keeps_evidence_in_the_order_in_which_it_came(self, open_store: Open) -> None:
        store = open_store()
        rows = [
            EvidenceRow(bytes([3 - number]) * 32, "sopro.example/at/1", number, b"%d" % number)
            for number in range(3)
        ]
        with store.transaction():
            for row in reversed(rows):
                store.others.put_evidence(row)
        again = open_store()
        assert again.others.evidence() == rows
        assert again.others.evidence_file(rows[1].id) == b"1"
        assert again.others.evidence_file(bytes(32)) is None

    def test_drops_a_log_and_nothing_of_another(self, open_store: Open) -> None:
        store = open_store()

        def counts(log: int) -> list[int]:
            return [
                len(store.entries(log, 0)),
                len(store.bundle_roots(log)),
                len(store.documents.between(log, 0, 10)),
                len(list(store.all_entities(log))),
                len(list(store.all_names(log))),
                len(list(store.all_labels(log))),
                len(store.voids(log, start=0, limit=10)),
                len([one for one in store.decision_counts() if one[0] == log]),
                len([row for row in store.logs() if row.log == log]),
            ]

        with store.transaction():
            for log in (1, 2):
                store.put_log(LogRow(log, f"sopro.example/s{log}/1", 1, ROOT, b"", b""))
                store.put_entries(log, 0, [b"entry"])
                store.put_bundles(log, [(0, ROOT, b"frame")])
                store.documents.put(log, [DocumentRow(0, 0, 0, bytes(32), b"content")])
                store.put_entities(log, [(bytes(16), EntityRow("novel", ROOT, None))])
                store.put_names(log, [("novel", "name", bytes(16))])
                label = LabelIndex(f"SOPRO/AT0/001/0000{log}", 1, 739_000, 740_000, 2026)
                store.put_labels(log, [(bytes(16), label)])
                store.put_voids(log, [(0, Void("rec.form", "why"))])
                store.put_counts(log, [("grant", 2026, 1)])
        assert counts(1) == counts(2) == [1] * 9
        with store.transaction():
            store.drop_log(2)
        assert counts(1) == [1] * 9
        assert counts(2) == [0] * 9
