"""Who this node is, and which federation it belongs to: kept in the database."""

import json
import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sopro_node.store.base import Reader, Store
from sopro_protocol.errors import FormatError, RefusedError
from sopro_protocol.keys import check_public_key
from sopro_registry.families import site_membership
from sopro_registry.fields import Url

_IDENTITY: Final = "identity"
_FEDERATION: Final = "federation"
_PROJECTION: Final = "projection"
_VERSION: Final = 1
_LOG: Final = re.compile(r"[a-z][a-z0-9-]{0,31}/[1-9][0-9]{0,5}")
NO_INVITE: Final = "the coordinator's operator has the invite file"
_CURRENT: Final = b"15"
"""The form of the tables that follow from the logs.

Raised when a state's fields change, a family is known that was not, or things are found by others.
"""


class Identity(Struct, frozen=True, kw_only=True):
    """A site as it was made.

    Attributes:
        origin: of its log.
        country: ISO 3166-1 alpha-2.
        zone: IANA name of the zone its civil dates are read in.
        languages: BCP 47 tags.
        name: by language.
        root: public root key.
        coordinator: whether it is the coordination node.
    """

    origin: str
    country: str
    zone: str
    languages: list[str]
    name: dict[str, str]
    root: bytes
    coordinator: bool

    @property
    def site(self) -> str:
        """The site's code."""
        return self.origin.split("/")[1]

    @property
    def federation(self) -> str:
        """The federation's name."""
        return self.origin.split("/")[0]


class Invite(Struct, frozen=True, kw_only=True):
    """What pins a federation: its coordinator's log, root key and addresses.

    Attributes:
        federation: its name.
        origin: of the coordinator's log.
        root: the coordinator's public root key, in hex.
        urls: where the coordinator answers.
        sopro_invite: version of this file's form.
    """

    federation: str
    origin: str
    root: str
    urls: list[str]
    sopro_invite: int = 1

    @property
    def root_key(self) -> bytes:
        """The coordinator's public root key."""
        return bytes.fromhex(self.root)


def parse_invite(data: bytes, *, where: str) -> Invite:
    """Read an invite file.

    Raises:
        FormatError: it is none.
    """
    data = data.removeprefix(BOM_UTF8)  # some editors put it before whatever they save
    try:
        invite = msgspec.json.decode(data, type=Invite)
        json.loads(data, object_pairs_hook=_refuse_names_twice)
        msgspec.convert(list(invite.urls), list[Url])
        check_public_key(invite.root_key)
    except RefusedError as error:
        raise FormatError(f"{where}: {error}; {NO_INVITE}") from None
    except (msgspec.MsgspecError, ValueError, FormatError, RecursionError) as error:
        raise FormatError(f"{where}: not an invite file: {error}; {NO_INVITE}") from None
    if invite.sopro_invite != _VERSION:
        raise FormatError(
            f"{where}: sopro_invite: expected version {_VERSION}, got {invite.sopro_invite}; "
            "upgrade this software, or ask the coordinator's operator for a file of this version"
        )
    if not invite.urls:
        raise FormatError(
            f"{where}: urls: expected at least one address of the coordinator, got none; "
            f"{NO_INVITE}"
        )
    federation, _, place = invite.origin.partition("/")
    if federation != invite.federation or not _LOG.fullmatch(place):
        raise FormatError(
            f"{where}: origin: expected '{invite.federation[:64]}/<site>/<epoch>', the log of the "
            f"federation's coordinator, got {invite.origin[:80]!r}; {NO_INVITE}"
        )
    return invite


def _refuse_names_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError(f"{twice[:32]!r} is named twice")
    return fields


def format_invite(invite: Invite) -> bytes:
    """Write an invite file."""
    return msgspec.json.format(msgspec.json.encode(invite)) + b"\n"


def load_identity(store: Reader) -> Identity:
    """Return who this node is.

    Raises:
        FormatError: the database holds no identity.
    """
    data = store.setting(_IDENTITY)
    if data is None:
        raise FormatError("the database holds no site; make one with 'sopro site new'")
    return msgspec.msgpack.decode(data, type=Identity)


def name_anew(identity: Identity, member: site_membership.Body | None) -> Identity:
    """Return who a node is, with what its membership says by now; its own log stays its own."""
    if member is None:
        return identity
    return msgspec.structs.replace(
        identity,
        country=member.country,
        languages=list(member.languages),
        name=dict(member.name),
        zone=member.zone,
    )


def save_identity(store: Store, identity: Identity) -> None:
    """Keep who this node is, inside the caller's transaction."""
    store.put_setting(_IDENTITY, msgspec.msgpack.encode(identity))


def save_projection(store: Store) -> None:
    """Keep in which form the tables that follow from the logs are, inside a transaction."""
    store.put_setting(_PROJECTION, _CURRENT)


def check_projection(store: Reader, *, folder: Path) -> None:
    """Hold the tables that follow from the logs to the form this version reads.

    Raises:
        FormatError: another version made them.
    """
    if store.setting(_PROJECTION) != _CURRENT:
        raise FormatError(
            f"{folder}: the tables were made by another version of this software; "
            f"make them anew with: sopro reindex {folder}"
        )


def load_federation(store: Reader) -> Invite | None:
    """Return the federation this node is pinned to."""
    data = store.setting(_FEDERATION)
    return msgspec.msgpack.decode(data, type=Invite) if data else None


def save_federation(store: Store, invite: Invite) -> None:
    """Pin the federation, inside the caller's transaction."""
    store.put_setting(_FEDERATION, msgspec.msgpack.encode(invite))
