"""Tiles: one spelling per path, one framing per bundle."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopro_protocol.errors import FormatError
from sopro_protocol.tile import (
    MAX_ENTRY,
    MAX_INDEX,
    WIDTH,
    Kind,
    Resource,
    bundle_path,
    count_resources,
    entries_path,
    format_entry_bundle,
    parse_entry_bundle,
    parse_index,
    parse_tile,
    parse_tile_path,
    resources_of,
    right_edge,
    tile_path,
)

INDEXES = st.integers(0, MAX_INDEX)
WIDTHS = st.integers(1, WIDTH)


@given(st.sampled_from(Kind), st.integers(0, 63), INDEXES, WIDTHS)
def test_every_path_is_read_back(kind: Kind, level: int, index: int, width: int) -> None:
    resource = Resource(kind, level if kind is Kind.TILE else 0, index, width)
    assert parse_tile_path(resource.path) == resource


@given(INDEXES)
def test_every_index_is_read_back(index: int) -> None:
    assert parse_index(entries_path(index=index).removeprefix("tile/entries/")) == index


@given(st.text(alphabet="tile/0123456789xbundrs.p", max_size=30))
def test_accepts_no_second_spelling_of_a_path(path: str) -> None:
    try:
        resource = parse_tile_path(path)
    except FormatError as refusal:
        assert refusal.code == "err.path"
    else:
        assert resource.path == path


@given(st.integers(0, 70_000))
def test_counts_what_it_goes_through(size: int) -> None:
    resources = list(resources_of(size))
    assert len(resources) == count_resources(size)
    assert [part for part in resources if part.width < WIDTH] == right_edge(size)
    widths = sum(part.width for part in resources if part.kind is Kind.ENTRIES)
    assert widths == size


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=WIDTH))
def test_every_bundle_is_read_back(entries: list[bytes]) -> None:
    assert parse_entry_bundle(format_entry_bundle(entries), width=len(entries)) == entries


@given(st.binary(max_size=40), WIDTHS)
def test_accepts_no_second_framing_of_a_bundle(data: bytes, width: int) -> None:
    try:
        entries = parse_entry_bundle(data, width=width)
    except FormatError as refusal:
        assert refusal.code == "hos.bundle"
    else:
        assert format_entry_bundle(entries) == data


def test_the_longest_entry_fits_a_bundle() -> None:
    entry = b"\xff" * MAX_ENTRY
    data = format_entry_bundle([entry])
    assert len(data) == 65_537
    assert parse_entry_bundle(data, width=1) == [entry]


def test_writes_paths_as_specified() -> None:
    assert tile_path(level=0, index=1234067, width=8) == "tile/0/x001/x234/067.p/8"
    assert tile_path(level=63, index=0) == "tile/63/000"
    assert entries_path(index=1000) == "tile/entries/x001/000"
    assert bundle_path(index=999, width=255) == "bundle/999.p/255"


REFUSALS = [
    (lambda: tile_path(level=64, index=0), "tile path: level, expected 0 to 63, got 64"),
    (lambda: tile_path(level=-1, index=0), "tile path: level, expected 0 to 63, got -1"),
    (lambda: entries_path(index=-1), "tile path: index, expected 0 to"),
    (lambda: bundle_path(index=MAX_INDEX + 1), "tile path: index, expected 0 to"),
    (lambda: bundle_path(index=0, width=0), "tile path: width, expected 1 to 256, got 0"),
    (lambda: bundle_path(index=0, width=257), "tile path: width, expected 1 to 256, got 257"),
    (lambda: count_resources(-1), "tile path: size, expected 0 to"),
    (lambda: right_edge(2**48 + 1), "tile path: size, expected 0 to"),
    (lambda: parse_tile_path("tile/0/000.p/256"), "tile path: width, expected 1 to 255, got 256"),
    (lambda: parse_tile(b"", width=1), "tile: length, expected 32 bytes, got 0"),
    (lambda: format_entry_bundle([]), "entry bundle: entries, expected 1 to 256, got 0"),
    (lambda: format_entry_bundle([b""] * 257), "entry bundle: entries, expected 1 to 256, got 257"),
    (
        lambda: format_entry_bundle([bytes(MAX_ENTRY + 1)]),
        "entry bundle: entry, expected at most 65535 bytes, got 65536",
    ),
]


@pytest.mark.parametrize(("act", "message"), REFUSALS)
def test_says_where_what_and_what_was_expected(act: Callable[[], object], message: str) -> None:
    with pytest.raises(FormatError) as refusal:
        act()
    assert str(refusal.value).startswith(message)
