"""Making a node: keys, configuration, database and the first two entries of its log."""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from babel import Locale
from babel.languages import get_official_languages

from sopro_node import clock
from sopro_node.config import Settings, check_url, parse_address, write_settings
from sopro_node.countries import is_country
from sopro_node.holdings import Holdings
from sopro_node.identity import (
    Identity,
    Invite,
    format_invite,
    save_federation,
    save_identity,
    save_projection,
)
from sopro_node.keyrecords import renew_after, write_renewals
from sopro_node.keyring import KINDS, NEXT_ROOT, KeyFile, create_keys, load_ring
from sopro_node.log import OwnLog
from sopro_node.passphrase import Passphrase, check_new_passphrase
from sopro_node.signatory import Signatory
from sopro_node.store.connection import create_database
from sopro_node.store.sqlite import SqliteStore
from sopro_node.writer import Writer
from sopro_node.zones import check_zone, only_zone
from sopro_protocol.checkpoint import check_origin
from sopro_protocol.errors import FormatError
from sopro_protocol.keys import Role
from sopro_protocol.record import SITE_PATTERN
from sopro_registry.fields import LanguageTag, Line

INVITE: Final = "invite.json"
COORDINATOR: Final = "eeig"
_FEDERATION: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new node is to be.

    Attributes:
        federation: its name, for example `sopro.example`.
        site: code, permanent.
        country: ISO 3166-1 alpha-2.
        zone: IANA name; empty for the country's only one.
        languages: BCP 47 tags; empty for the country's official ones.
        name: of the site, by language.
        listen: HOST:PORT.
        url: under which others reach it; empty for what `listen` says.
        passphrase: of its key files; None leaves them unencrypted.
        passphrase_file: from which it reads the passphrase when it starts; empty for none.
    """

    federation: str
    site: str
    country: str
    zone: str = ""
    languages: tuple[str, ...] = ()
    name: tuple[tuple[str, str], ...] = ()
    listen: str = "127.0.0.1:8440"
    url: str = ""
    passphrase: bytes | None = None
    passphrase_file: str = ""


def create_node(folder: Path, plan: Plan, *, coordinator: bool) -> Identity:
    """Make a node's directory; nothing is left of it where that fails.

    Raises:
        FormatError: the directory is not empty, or a value does not fit.
    """
    _check_plan(plan)
    origin = f"{plan.federation}/{plan.site}/1"
    check_origin(origin)
    parse_address(plan.listen)
    check_url(plan.url)
    if plan.passphrase is not None:
        check_new_passphrase(plan.passphrase)
    zone = check_zone(plan.zone) if plan.zone else only_zone(plan.country)
    languages = list(plan.languages) or [
        tag.replace("_", "-")
        for tag in get_official_languages(plan.country, regional=False, de_facto=True)
    ]
    existed = folder.exists()
    make_folder(folder)
    if any(folder.iterdir()):
        raise FormatError(f"{folder}: not empty; a new node needs a directory of its own")
    try:
        write_settings(
            folder, listen=plan.listen, url=plan.url, key_passphrase_file=plan.passphrase_file
        )
        create_keys(folder, plan.passphrase)
        create_database(folder)
        ring = {one.kind: one for one in load_ring(folder, *KINDS, passphrase=_passphrase(plan))}
        return _found(
            folder,
            ring,
            Identity(
                origin=origin,
                country=plan.country,
                zone=zone,
                languages=languages or ["en"],
                name=dict(plan.name) or {"en": f"SoPro {plan.country}"},
                root=ring[Role.ROOT].signer.public_key,
                coordinator=coordinator,
            ),
            urls=[plan.url or f"http://{plan.listen}"],
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if existed:
            folder.mkdir(mode=0o700)
        raise


def make_folder(folder: Path) -> None:
    """Make a directory that only its owner can open, if it is not there.

    Raises:
        FormatError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise FormatError(
            f"{folder}: cannot be made ({error.strerror}); name another directory"
        ) from None


def _check_plan(plan: Plan) -> None:
    """Refuse names that could never be admitted: they are permanent."""
    if not re.search(SITE_PATTERN, plan.site):
        raise FormatError(
            f"site: expected a code of small letters, digits and hyphens such as 'at', "
            f"got {plan.site!r}"
        )
    if not _FEDERATION.fullmatch(plan.federation):
        raise FormatError(
            f"federation: expected a name such as 'sopro.example', got {plan.federation!r}"
        )
    check_country(plan.country)
    for tag in plan.languages:
        check_language("language", tag)
    for tag, text in plan.name:
        check_language("name", tag)
        if not _fits(text, Line):
            raise FormatError(f"name: expected one line of at most 500 letters, got {text[:80]!r}")


def check_country(code: str) -> None:
    """Refuse what is no country.

    Raises:
        FormatError: it is none.
    """
    if not is_country(code):
        raise FormatError(f"country: expected an ISO 3166-1 code such as 'AT', got {code[:32]!r}")


def check_language(what: str, tag: str) -> None:
    """Refuse what is no language.

    Raises:
        FormatError: it is none.
    """
    language = tag.split("-", maxsplit=1)[0].lower()
    if not _fits(tag, LanguageTag) or language not in Locale("en").languages:
        raise FormatError(
            f"{what}: expected the BCP 47 tag of a language, such as 'de' or 'de-AT', got {tag!r}"
        )


def _fits(text: str, kind: Any) -> bool:
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


def _passphrase(plan: Plan) -> Passphrase:
    return Passphrase.of(plan.passphrase) if plan.passphrase else Passphrase(Settings())


def _found(
    folder: Path, ring: Mapping[str, KeyFile], identity: Identity, *, urls: list[str]
) -> Identity:
    store = SqliteStore.open(folder, writing=True)
    try:
        with store.transaction():
            save_identity(store, identity)
            save_projection(store)
            if identity.coordinator:
                invite = Invite(
                    federation=identity.federation,
                    origin=identity.origin,
                    root=identity.root.hex(),
                    urls=urls,
                )
                save_federation(store, invite)
                (folder / INVITE).write_bytes(format_invite(invite))
        holdings = Holdings(
            store,
            own=identity.origin,
            coordinator=identity.origin if identity.coordinator else None,
        )
        log = OwnLog(
            holdings,
            store,
            Writer(),
            signatory=Signatory(ring.values()),
            root_key=identity.root,
            published=lambda _: None,
        )
        log.found(_first_keys(ring, today=clock.today(identity.zone)))
    finally:
        store.close()
    os.sync()
    return identity


def _first_keys(ring: Mapping[str, KeyFile], *, today: int) -> dict[str, object]:
    named = [role for role in Role if role is not Role.ROOT]
    publics = [ring[role].signer.public_key for role in named]
    return {
        **write_renewals(renew_after(publics, today=today, days=Settings().key_days)),
        "root": ring[Role.ROOT].signer.public_key,
        "next_root": hashlib.sha256(ring[NEXT_ROOT].signer.public_key).digest(),
        "keys": [{"public": ring[role].signer.public_key, "role": role.value} for role in named],
    }
