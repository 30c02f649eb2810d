"""Having the root key sign what a node has planned; the key never leaves this process."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.office import Call, reach, run
from sopro_cli.options import FILE
from sopro_cli.secrets import asker_of_keys, key_passphrase_file, passphrase_of
from sopro_node.config import load_settings
from sopro_node.keyring import NEXT_ROOT, find_key, list_key_files, open_key
from sopro_node.passphrase import Ask, Passphrase
from sopro_protocol.errors import ConflictError, RefusedError, SoproError
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.record import sign_record

_TRIES: Final = 5

_root_key = click.option(
    "--root-key", type=FILE, default=None, help="where it is, if not in keys/ of the directory"
)
_passphrase_file = click.option(
    "--passphrase-file", type=FILE, default=None, help="opens the file of --root-key"
)


def signs_by_root(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where the root key is, as its argument `signing`."""

    @_root_key
    @_passphrase_file
    @key_passphrase_file
    @functools.wraps(command)
    def wrapped(
        folder: Path,
        root_key: Path | None,
        passphrase_file: Path | None,
        key_passphrase_file: Path | None,
        **rest: Any,
    ) -> None:
        signing = Signing(folder, root_key, passphrase_file, key_passphrase_file)
        command(folder=folder, signing=signing, **rest)

    return wrapped


class Signing:
    """Finds the root key that has to sign; it never leaves this process."""

    def __init__(
        self,
        folder: Path,
        path: Path | None,
        passphrase_file: Path | None,
        key_passphrase_file: Path | None = None,
    ) -> None:
        self._folder = folder
        self._path = path
        self._passphrase_file = passphrase_file
        self._key_passphrase_file = key_passphrase_file
        self._known: Ed25519Signer | None = None
        self._passphrase: Passphrase | None = None
        self._told: str | None = None
        self._ask: Ask | None = None

    def passphrase(self) -> Passphrase:
        """Return what opens the files in `keys/`.

        Raises:
            FormatError: the file that was named for it cannot be used.
        """
        if self._passphrase is None:
            self._passphrase = Passphrase(load_settings(self._folder), ask=self.asker())
        return self._passphrase

    def asker(self) -> Ask | None:
        """Return what has the passphrase of the files in `keys/`; a person is asked once.

        A file is read once, too: it may be a pipe.

        Raises:
            FormatError: as `passphrase`.
        """
        self._ask = ask = self._ask or asker_of_keys(self._key_passphrase_file)

        def once(what: str) -> str:
            if self._told is None:
                assert ask is not None, "looked at below"  # noqa: S101
                self._told = ask(what)
            return self._told

        return once if ask is not None else None

    def _open_named(self, path: Path) -> Ed25519Signer:
        if self._known is None:
            self._known = open_key(path, passphrase_of(self._passphrase_file)).signer
        return self._known

    def signer(self, public: bytes) -> Ed25519Signer:
        """Return the signer of a public root key.

        Raises:
            RefusedError: the file named holds another key, or none is here.
            FormatError: the file is no key, or does not open.
        """
        if self._path is None:
            return find_key(self._folder, public, passphrase=self.passphrase()).signer
        signer = self._open_named(self._path)
        if signer.public_key != public:
            raise RefusedError(
                f"{self._path}: not the key that has to sign, expected {public.hex()[:16]}..., "
                f"got {signer.public_key.hex()[:16]}..."
            )
        return signer

    def successor(self, committed: bytes) -> Ed25519Signer:
        """Return the key that is to become root.

        Args:
            committed: SHA-256 of its public key, as the log has committed to it.

        Raises:
            RefusedError: it is not here.
            FormatError: as `signer`.
        """
        if self._path is not None:
            return self._open_named(self._path)
        found = [path for kind, path in list_key_files(self._folder) if kind == NEXT_ROOT]
        for path in found:
            signer = open_key(path, self.passphrase()).signer
            if hashlib.sha256(signer.public_key).digest() == committed:
                return signer
        raise RefusedError(
            f"no successor is in {self._folder}/keys that the log has committed to (SHA-256 "
            f"{committed.hex()[:16]}..., {len(found)} others are there); name its file with "
            "--successor FILE"
        )


async def unlock(office: Call, signing: Signing) -> None:
    """Give a node the passphrase of its key files, where it writes new ones and has none.

    Raises:
        FormatError: the passphrase cannot be found, or is another one.
    """
    if (await office("unlock", {}))["is_open"]:
        return
    secret = signing.passphrase().find()
    if secret is not None:
        await office("unlock", {"passphrase": secret})


def sign_planned(
    folder: Path,
    signing: Signing,
    operation: str,
    values: Mapping[str, Any],
    *,
    put: str = "put_keys",
) -> tuple[dict[str, Any], int]:
    """Have a record planned, sign it here, and have it put into the log; return plan and index."""

    async def work() -> tuple[dict[str, Any], int]:
        async with reach(folder, must_sign=False, ask=signing.asker()) as office:
            await unlock(office, signing)
            for last in range(_TRIES):
                plan = await office(operation, values)
                try:
                    entry = sign_record(plan["record"], [signing.signer(plan["root"])])
                    index = (await office(put, {"entry": entry}))["index"]
                except BaseException as error:
                    with suppress(SoproError):
                        await office("drop_plan", {"made": plan.get("made", [])})
                    if not isinstance(error, ConflictError) or last == _TRIES - 1:
                        raise
                else:
                    return plan, index
        raise AssertionError("returned or raised")

    return run(work())
