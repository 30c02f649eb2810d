import errno
from pathlib import Path

import pytest

from sopro_node.fresh import check_space, new_directory
from sopro_node.lock import LOCK, DirectoryLock
from sopro_protocol.errors import FormatError, StorageFullError, UnavailableError


def test_appears_when_it_is_complete(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "place"
    with new_directory(place) as part:
        (part / "file").write_text("all of it")
        assert not place.exists()
    assert [path.name for path in place.iterdir()] == ["file"]
    assert [path.name for path in place.parent.iterdir()] == ["place"]
    assert place.stat().st_mode & 0o777 == 0o700


def test_takes_an_empty_place_and_no_other(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with new_directory(place) as part:
        (part / "file").write_text("first")
    with pytest.raises(FormatError, match="nothing is overwritten"), new_directory(place):
        raise AssertionError
    assert (place / "file").read_text() == "first"


def test_touches_nothing_that_came_into_the_place_meanwhile(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with pytest.raises(FormatError, match="nothing is overwritten"), new_directory(place):
        place.mkdir()
        (place / "precious").touch()
    assert (place / "precious").exists()


@pytest.mark.parametrize(
    ("failure", "expected", "words"),
    [
        (OSError(errno.ENOSPC, "full"), StorageFullError, "the disk is full"),
        (OSError(errno.EROFS, "Read-only"), FormatError, "cannot be written"),
        (FormatError("wrong"), FormatError, "wrong"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ],
)
def test_leaves_nothing_where_something_fails(
    tmp_path: Path, failure: BaseException, expected: type[BaseException], words: str
) -> None:
    with pytest.raises(expected, match=words), new_directory(tmp_path / "place") as part:
        (part / "file").touch()
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_throws_away_what_a_killed_attempt_left(tmp_path: Path) -> None:
    left = tmp_path / ".place.new"
    (left / "keys").mkdir(parents=True)
    (left / "half").touch()
    (left / LOCK).touch()
    with new_directory(tmp_path / "place") as part:
        assert [path.name for path in part.iterdir()] == [LOCK]


def test_does_not_throw_away_what_others_have_made(tmp_path: Path) -> None:
    other = tmp_path / ".place.new"
    other.mkdir()
    (other / "letter").touch()
    with pytest.raises(FormatError, match="is in the way"), new_directory(tmp_path / "place"):
        raise AssertionError
    assert (other / "letter").exists()


def test_two_attempts_do_not_meet(tmp_path: Path) -> None:
    part = tmp_path / ".place.new"
    part.mkdir()
    held = DirectoryLock(part)
    with (
        pytest.raises(UnavailableError, match="another sopro process"),
        new_directory(tmp_path / "place"),
    ):
        raise AssertionError
    held.release()


def test_begins_nothing_that_has_no_room(tmp_path: Path) -> None:
    check_space(tmp_path, 1, what="it")
    with pytest.raises(StorageFullError, match="it takes up to"):
        check_space(tmp_path, 2**60, what="it")
