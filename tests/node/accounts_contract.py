"""What any store must do with officers, their trail, their answers and their files."""

from collections.abc import Callable

import pytest

from sopro_node.store.accounts import AnswerRow, OfficerRow, TrailRow, UploadRow
from sopro_node.store.base import Store
from sopro_node.store.rows import DocumentRow, LogRow
from sopro_registry.family import Erased, Withholding

Open = Callable[[], Store]
TOKEN = bytes(range(32))
MARIA = OfficerRow("Maria", bytes(16), "assessor registrar", TOKEN, 5)
DONE = TrailRow(0, 7, "Maria", bytes(16), "apply", "sopro.example/at/1", 3, bytes(32), "192.0.2.7")


class AccountsContract:
    """Inherit beside `StoreContract`."""

    def test_finds_officers_by_name_and_by_the_hash_of_their_token(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.accounts.put_officer(MARIA)
            store.accounts.put_officer(OfficerRow("Anna", bytes(16), "decider", None, 4, 6))
        again = open_store().accounts
        assert [one.name for one in again.officers()] == ["Anna", "Maria"]
        assert again.officer("Maria") == again.bearer(TOKEN) == MARIA
        assert again.officer("maria") is again.bearer(bytes(32)) is None
        with store.transaction():
            store.accounts.put_officer(MARIA._replace(token=None, revoked=8))
        assert again.bearer(TOKEN) is None
        assert again.officer("Maria") == MARIA._replace(token=None, revoked=8)

    def test_numbers_the_trail_and_reads_it_backwards(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            for action in ("first", "second", "third"):
                store.accounts.add_to_trail(DONE._replace(action=action))
        again = open_store().accounts
        latest = again.trail(before=2**53, limit=2)
        assert [(one.number, one.action) for one in latest] == [(3, "third"), (2, "second")]
        assert again.trail(before=2, limit=9) == [DONE._replace(number=1, action="first")]

    def test_keeps_so_many_answers_of_an_officer_and_none_that_is_too_old(
        self, open_store: Open
    ) -> None:
        store = open_store()
        accounts = store.accounts
        with store.transaction():
            for time in range(1, 6):
                row = AnswerRow("Maria", f"key-{time}", bytes(32), time, b"answer")
                accounts.put_answer(row, most=3, oldest=0)
            accounts.put_answer(AnswerRow("Anna", "key-1", TOKEN, 9, b"hers"), most=3, oldest=4)
        again = open_store().accounts
        kept = [time for time in range(1, 6) if again.answer("Maria", f"key-{time}")]
        assert kept == [4, 5]
        assert again.answer("Anna", "key-1") == AnswerRow("Anna", "key-1", TOKEN, 9, b"hers")

    def test_keeps_files_until_they_are_used_or_too_old(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            for time in (1, 2, 3):
                row = UploadRow(bytes([time]) * 16, "Maria", time, "text/plain", b"12345")
                store.accounts.put_upload(row)
        again = open_store().accounts
        assert again.weigh_uploads() == (3, 15)
        with store.transaction():
            store.accounts.cut_upload(bytes([3]) * 16)
            assert store.cut_uploads(before=2) == 1
        assert again.upload(bytes([2]) * 16) == UploadRow(
            bytes([2]) * 16, "Maria", 2, "text/plain", b"12345"
        )
        assert again.weigh_uploads() == (1, 5)
        assert again.has_uploads(before=3)
        assert not again.has_uploads(before=2)

    def test_says_what_a_file_that_was_dropped_may_have_left(self, open_store: Open) -> None:
        store = open_store()
        with store.transaction():
            store.accounts.put_upload(UploadRow(bytes(16), "Maria", 1, "text/plain", b"12345"))
        assert not store.residue()
        with store.transaction():
            assert store.cut_uploads(before=1) == 0
        assert not store.residue()
        with store.transaction():
            assert store.cut_uploads(before=2) == 1
        assert store.residue()
        assert store.scrub()
        assert not store.residue()

    @pytest.mark.parametrize("how", ["erased", "withheld", "elsewhere"])
    def test_a_file_goes_with_the_document_of_the_same_content(
        self, open_store: Open, how: str
    ) -> None:
        store = open_store()
        with store.transaction():
            store.put_log(LogRow(1, "sopro.example/at/1", 0, bytes(32), b"", b""))
            store.documents.put(1, [DocumentRow(4, 1, 3, bytes(32), b"Maria")])
            for number, content in enumerate((b"Maria", b"Anna", b"Maria")):
                row = UploadRow(bytes([number]) * 16, "Maria", 1, "text/plain", content)
                store.accounts.put_upload(row)
        with store.transaction():
            match how:
                case "erased":
                    store.documents.erase(1, [Erased(4, 1, 7, 740_000)])
                case "withheld":
                    store.put_withheld(1, [Withholding(4, bytes(32), 7, "mistake", b"")])
                case _:
                    gone = Erased(4, 1, 7, 740_000, "sopro.example/at/1")
                    store.documents.erase(2, [gone])
        assert store.documents.get(1, 4, 1) is None
        assert open_store().accounts.weigh_uploads() == (1, 4)
        assert store.accounts.upload(bytes([1]) * 16) is not None
