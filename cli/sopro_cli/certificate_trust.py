"""What commands that judge certificates are told: whom to trust, about which day, how fresh."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import rich_click as click

from sopro_cli.options import DAY, FILE, FOLDER, read_file
from sopro_node import clock
from sopro_node.identity import NO_INVITE, Invite, load_federation, parse_invite
from sopro_node.knowledge import open_knowledge
from sopro_node.store.sqlite import SqliteStore
from sopro_node.zones import check_zone
from sopro_protocol.errors import FormatError
from sopro_protocol.keys import COSIGNATURE, VerifierKey, parse_vkey
from sopro_protocol.policy import MAX_POLICY, Policy, parse_policy
from sopro_registry.fields import parse_day
from sopro_registry.knowledge import Knowledge

MAX_INVITE: Final = 64 * 1024
NO_POLICY: Final = "'sopro policy export' writes one"
_UNITS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")

F = TypeVar("F", bound=Callable[..., Any])


class Trust(NamedTuple):
    """Whom to trust, about which day, how fresh; without a day, today where the site is."""

    invite: Invite
    day: int | None
    max_age: int | None
    witnesses: tuple[VerifierKey, ...]
    policy: Policy | None = None
    knowledge: Knowledge | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The same as arguments of `judge_certificate`."""
        return {
            "coordinator": self.invite.origin,
            "coordinator_root": self.invite.root_key,
            "day": _today_in if self.day is None else self.day,
            "max_age": self.max_age,
            "witnesses": self.witnesses,
            "policy": self.policy,
            "knowledge": self.knowledge,
        }


def _today_in(zone: str) -> int:
    """Return today's civil date in a zone; in UTC where this machine does not know that zone."""
    try:
        return clock.today(check_zone(zone))
    except FormatError:
        return clock.today("UTC")


def trusting(command: F) -> F:
    """Add the options that `read_trust` reads."""
    options = (
        click.option("--invite", type=FILE, default=None, help="the federation's invite file"),
        click.option(
            "--dir",
            "folder",
            type=FOLDER,
            default=None,
            help="or a node's directory, with what it knows",
        ),
        click.option(
            "--at", default=None, callback=DAY, help="civil date; today at the site if not given"
        ),
        click.option("--max-age", default=None, help="90s, 30m, 36h, 7d: older ones are stale"),
        click.option(
            "--witness", "witnesses", multiple=True, help="verifier key whose times are trusted"
        ),
        click.option(
            "--policy", type=FILE, default=None, help="whose quorum a valid one has to carry"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def read_trust(
    *,
    invite: Path | None,
    folder: Path | None,
    at: str | None,
    max_age: str | None,
    witnesses: tuple[str, ...],
    policy: Path | None,
) -> Iterator[Trust]:
    """Read the options of `trusting`; what a directory knows is at hand inside.

    Raises:
        FormatError: a file or value does not follow its form.
        UnavailableError: a directory knows of a witness policy, and not enough of its keys.
    """
    if (invite is None) == (folder is None):
        raise click.UsageError("say whom to trust: --invite FILE or --dir DIRECTORY")
    given = parse_policy(read_file(policy, limit=MAX_POLICY, hint=NO_POLICY)) if policy else None
    with ExitStack() as stack:
        known = stack.enter_context(open_knowledge(folder)) if folder is not None else None
        yield Trust(
            known.invite if known is not None else read_invite(invite or Path()),
            parse_day(at, field="--at") if at else None,
            _as_age(max_age) if max_age else None,
            tuple(_as_witness(text) for text in witnesses),
            given or (known.policy() if known is not None else None),
            known.knowledge if known is not None else None,
        )


def read_invite(path: Path) -> Invite:
    """Read an invite file.

    Raises:
        FormatError: it cannot be read, or is none.
    """
    return parse_invite(read_file(path, limit=MAX_INVITE, hint=NO_INVITE), where=str(path))


def read_pinned(folder: Path) -> Invite:
    """Read which federation a directory is pinned to.

    Raises:
        FormatError: to none.
    """
    store = SqliteStore.open(folder, writing=False)
    try:
        pinned = load_federation(store)
    finally:
        store.close()
    if pinned is None:
        raise FormatError(f"{folder}: pinned to no federation yet; use --invite FILE")
    return pinned


def _as_age(text: str) -> int:
    match = _AGE.fullmatch(text)
    if match is None:
        raise FormatError(
            "--max-age: expected a whole number with its unit, in seconds, minutes, hours or days, "
            f"such as 90s, 30m, 36h or 7d, got {text[:32]!r}"
        )
    return int(match[1]) * _UNITS[match[2]]


def _as_witness(text: str) -> VerifierKey:
    key = parse_vkey(text)
    if key.key_type != COSIGNATURE:
        raise FormatError(
            f"--witness: {key.name!r} is not a witness's key: its type is {key.key_type}, not 4",
            code="sig.key",
        )
    return key
