"""The node's one configuration file: TOML into a frozen value, unknown settings refused."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

from sopro_node.naming import parse_name_server
from sopro_node.reach import Reach, is_loopback_url
from sopro_node.toml import read_toml
from sopro_protocol.errors import FormatError
from sopro_protocol.record import SITE_PATTERN

CONFIG: Final = "node.toml"
_WILDCARD: Final = "*"
PROFILES: Final = ("coordinator", "peer", "publisher", "reader", "witness")
_URL: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+(/[!#-~]*)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set; `node/README.md` describes each.

    Attributes:
        admit_profiles: profiles that a site must have stated before the coordinator admits it.
        admit_suites: digests of the conformance suites that it accepts; none for any.
        admit_waivers: cases that a statement may have waived.
        watch_hour: UTC hour in which the coordinator tries its members' addresses; -1 for never.
        listen: address and port of the public server.
        url: under which other nodes reach this one.
        tls_certificate: PEM file; with `tls_key` the node speaks TLS itself.
        tls_key: PEM file.
        key_passphrase_file: whose first line opens the encrypted key files.
        trusted_proxies: addresses whose X-Forwarded-For and -Proto are believed.
        mirror: site codes whose logs this node mirrors, or `*` for every member.
        poll_seconds: between two looks at a peer that sends no events.
        fetch_seconds: how long one answer of a peer may take in all.
        key_days: how long a new key is meant to be used; 0 says nothing.
        warn_days: how long before a key is to be renewed its people are warned.
        heartbeat_seconds: after which witnesses are asked to cosign the same head again.
        private_addresses: whether peers may have other addresses than public ones: auto, allow
            or refuse.
        private_networks: whose addresses peers may have although they are not public.
        name_servers: who is asked for the addresses of peers' names; none for the system's.
        peer_ca: PEM file that certificates of peers are verified against.
        workers: processes that verify on a large sync; 0 means one for each core.
        language: of pages and messages where the reader asks for none: de, en or hu.
        log_level: debug, info, warning or error.
        log_format: text or json.
        drain_seconds: how long requests under way may take when the node stops.
        requests_per_second: that one address may make in the long run; 0 for any number.
    """

    listen: str = "127.0.0.1:8440"
    url: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    key_passphrase_file: str = ""
    trusted_proxies: tuple[str, ...] = ()
    mirror: tuple[str, ...] = (_WILDCARD,)
    poll_seconds: int = 30
    fetch_seconds: int = 20
    heartbeat_seconds: int = 1800
    private_addresses: str = "auto"
    private_networks: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()
    peer_ca: str = ""
    workers: int = 0
    key_days: int = 730
    warn_days: int = 30
    language: str = "en"
    log_level: str = "info"
    log_format: str = "text"
    drain_seconds: int = 10
    requests_per_second: int = 500
    admit_profiles: tuple[str, ...] = ()
    admit_suites: tuple[str, ...] = ()
    admit_waivers: tuple[str, ...] = ()
    watch_hour: int = 3
    path: Path = field(default=Path(CONFIG), compare=False)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return parse_address(self.listen)

    @property
    def public_url(self) -> str:
        """Where other nodes reach this one, without a trailing slash."""
        scheme = "https" if self.tls_certificate else "http"
        return (self.url or f"{scheme}://{self.listen}").rstrip("/")

    @property
    def reach(self) -> Reach:
        """Whom this node may call.

        A node whose own address is this machine's has all its peers here, as in the demo.
        """
        choice = self.private_addresses
        is_allowed = choice == "allow" or (choice == "auto" and is_loopback_url(self.public_url))
        return Reach(is_allowed, self.peer_ca, self.private_networks, self.name_servers)

    def mirrors(self, site: str) -> bool:
        """Say whether the log of a site is to be mirrored."""
        return _WILDCARD in self.mirror or site in self.mirror


_CHOICES: Final = {
    "language": ("de", "en", "hu"),
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("text", "json"),
    "private_addresses": ("auto", "allow", "refuse"),
}
_RANGES: Final = {
    "poll_seconds": (1, 86_400),
    "fetch_seconds": (1, 600),
    "heartbeat_seconds": (1, 3600),
    "key_days": (0, 36_500),
    "warn_days": (0, 3650),
    "workers": (0, 64),
    "drain_seconds": (0, 600),
    "requests_per_second": (0, 1_000_000),
    "watch_hour": (-1, 23),
}
KNOWN: Final = tuple(sorted(one.name for one in fields(Settings) if one.name != "path"))


def parse_address(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`.

    Raises:
        FormatError: it is not that.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise FormatError(f"listen: expected HOST:PORT, for example 127.0.0.1:8440, got {text!r}")
    return host.strip("[]"), int(port)


def check_url(text: str) -> None:
    """Refuse what other nodes could not reach this one under.

    Raises:
        FormatError: it is neither empty nor an address of the web.
    """
    if text and not _URL.fullmatch(text):
        raise FormatError(f"url: expected for example https://at.sopro.example, got {text!r}")


def load_settings(folder: Path) -> Settings:
    """Read a node's settings; `SOPRO_CONFIG` may name another file.

    Raises:
        FormatError: the file is missing, is not TOML, or holds what no setting is.
    """
    path = Path(os.environ.get("SOPRO_CONFIG") or folder / CONFIG)
    if not _is_there(path):
        raise FormatError(
            f"{path}: no such file; is {folder} the directory of a node? 'sopro site new' makes one"
        )
    return _check(path, read_toml(path, hint="let this user read the node's settings"))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True


def _check(path: Path, values: dict[str, Any]) -> Settings:
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in KNOWN:
            raise FormatError(f"{path}: unknown setting {name!r}; known: {', '.join(KNOWN)}")
        checked[name] = _check_value(path, name, value)
    settings = Settings(**checked, path=path)
    try:
        parse_address(settings.listen)
        check_url(settings.url)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise FormatError(f"{path}: tls_certificate and tls_key go together")
    return settings


def _check_value(path: Path, name: str, value: object) -> object:
    default = getattr(Settings(), name)
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            _check_list(path, name, value)
            return tuple(value)
        raise FormatError(f"{path}: {name}: expected a list of texts, got {value!r}")
    if type(value) is not type(default):
        expected = {"str": "a text", "int": "a whole number"}[type(default).__name__]
        raise FormatError(f"{path}: {name}: expected {expected}, got {value!r}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise FormatError(
            f"{path}: {name}: expected one of {', '.join(_CHOICES[name])}, got {value!r}"
        )
    if name in _RANGES and isinstance(value, int):
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise FormatError(f"{path}: {name}: expected {low} to {high}, got {value}")
    return value


def _check_list(path: Path, name: str, values: list[str]) -> None:
    is_one, expected = _MEMBERS[name]
    for value in values:
        if not is_one(value):
            raise FormatError(f"{path}: {name}: expected {expected}, got {value!r}")


def _is_address(text: str) -> bool:
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return str(ip_network(text)) == text
    except ValueError:
        return False


def _is_name_server(text: str) -> bool:
    try:
        parse_name_server(text)
    except FormatError:
        return False
    return True


_MEMBERS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "private_networks": (_is_network, "networks such as '10.20.0.0/16' or 'fd12:3456::/32'"),
    "name_servers": (_is_name_server, "name servers such as '192.0.2.53' or '[::1]:5353'"),
    "trusted_proxies": (_is_address, "addresses such as '127.0.0.1' or '::1'"),
    "mirror": (
        lambda one: one == _WILDCARD or bool(re.search(SITE_PATTERN, one)),
        "site codes or '*'",
    ),
    "admit_profiles": (PROFILES.__contains__, f"some of {', '.join(PROFILES)}"),
    "admit_suites": (
        lambda one: bool(re.fullmatch("[0-9a-f]{64}", one)),
        "SHA-256 digests of 64 hexadecimal digits",
    ),
    "admit_waivers": (
        lambda one: bool(re.fullmatch("[A-Z]{3}-[0-9]{2}", one)),
        "cases of the conformance suite such as 'SYN-07'",
    ),
}
"""What each text of a list has to be."""


def write_settings(folder: Path, *, listen: str, url: str, key_passphrase_file: str = "") -> None:
    """Write the first configuration file of a node."""
    lines = [
        "# Settings of this node; node/README.md describes each. Unknown settings are errors.",
        f'listen = "{listen}"',
    ]
    if url:
        lines.append(f'url = "{url}"')
    if key_passphrase_file:
        lines.append(f"key_passphrase_file = {json.dumps(key_passphrase_file)}")
    (folder / CONFIG).write_text("\n".join(lines) + "\n", "utf-8")


def change_settings(folder: Path, changes: Mapping[str, str]) -> None:
    """Change texts in a node's configuration file, and leave everything else in it as it is.

    Raises:
        FormatError: the file cannot be read or written, or holds such a setting in a way that
            only a person can change.
    """
    path = Path(os.environ.get("SOPRO_CONFIG") or folder / CONFIG)
    before = load_settings(folder)
    part = path.with_name(f".{path.name}.new")
    try:
        lines = path.read_text("utf-8").splitlines()
        for name, value in changes.items():
            line = f"{name} = {json.dumps(value)}"
            places = [at for at, old in enumerate(lines) if re.match(rf"\s*{name}\s*=", old)]
            lines[slice(places[0], places[0] + 1) if places else slice(1, 1)] = [line]
        part.write_text("\n".join(lines) + "\n", "utf-8")
        after = _check(path, read_toml(part, hint="let this user read the node's settings"))
        wanted: dict[str, Any] = dict(changes)
        if after != replace(before, **wanted):
            raise FormatError(
                f"{path}: cannot be changed by this program; write there yourself: "
                + ", ".join(f"{name} = {json.dumps(value)}" for name, value in changes.items())
            )
        part.replace(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be changed ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)
