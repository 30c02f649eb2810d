"""The keys of a site: `sopro keys ...`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import rich_click as click

from sopro_cli.office import ask, reach, run
from sopro_cli.options import FILE, FOLDER
from sopro_cli.output import fail, remark, show, show_json
from sopro_cli.secrets import asker, new_passphrase, passphrase_of
from sopro_cli.upkeep import tell_key
from sopro_node.config import load_settings
from sopro_node.keyring import (
    KINDS,
    NEXT_ROOT,
    copy_key,
    encrypt_key,
    find_key,
    is_encrypted,
    list_key_files,
    open_key,
)
from sopro_node.passphrase import Passphrase, check_new_passphrase
from sopro_protocol.errors import ConflictError, FormatError, RefusedError, SoproError
from sopro_protocol.keys import Ed25519Signer
from sopro_protocol.record import sign_record

_TRIES: Final = 5

_root_key = click.option(
    "--root-key", type=FILE, default=None, help="where it is, if not in keys/ of the directory"
)
_passphrase_file = click.option(
    "--passphrase-file", type=FILE, default=None, help="opens the file of --root-key"
)


@click.group()
def keys() -> None:
    """The keys of a site: which there are, new ones, cutting off stolen ones."""


@keys.command("list")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def keys_list(folder: Path, *, as_json: bool) -> None:
    """List every key the site has had, and the positions of its log at which each counts."""

    async def work() -> dict[str, Any]:
        async with reach(folder, must_sign=False) as office:
            return await office("keys", {})

    answer = run(work())
    if as_json:
        show_json(answer)
        return
    for one in answer["keys"]:
        show(tell_key(one))
    for warning in answer["warnings"]:
        remark(f"warning: {warning}")


@keys.command("rotate")
@click.argument("folder", type=FOLDER)
@click.argument("role", type=click.Choice(KINDS))
@click.option("--finish", is_flag=True, help="retire the older log key")
@_root_key
@_passphrase_file
def keys_rotate(
    folder: Path, role: str, root_key: Path | None, passphrase_file: Path | None, *, finish: bool
) -> None:
    """Replace a key in good order; the node goes on serving.

    A new log key signs beside the old one until `--finish` retires that. The root key is replaced
    by its successor, and next-root commits to another successor.
    """
    if finish and role != "log":
        raise click.UsageError("--finish is for the log key only; other keys change at once")
    if role == "root":
        _succeed(folder, root_key, passphrase_file)
        return
    act = "finish" if finish else "rotate"
    _change(folder, Signing(folder, root_key, passphrase_file), act=act, role=role)


@keys.command("revoke")
@click.argument("folder", type=FOLDER)
@click.argument("role", type=click.Choice(KINDS))
@click.option("--at-size", type=int, required=True, help="of the log, when the key was still safe")
@click.option("--key", default="", help="id, or its beginning; needed where a role has had several")
@_root_key
@_passphrase_file
def keys_revoke(  # one for each option
    folder: Path,
    role: str,
    at_size: int,
    key: str,
    root_key: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Cut off a stolen key at a size of the log, and name a new one.

    Heads of a larger size that it alone signed are refused everywhere, and so is whatever it signs
    from now on. What it signed between that size and now counts on; it is listed for you to judge.
    """
    signing = Signing(folder, root_key, passphrase_file)
    plan = _change(folder, signing, act="revoke", role=role, size=at_size, key=key)
    if plan["doubtful"]:
        remark(
            f"{len(plan['doubtful'])} entries from size {at_size} on are signed by it and count; "
            "look at each and correct what you did not decide: "
            + ", ".join(map(str, plan["doubtful"]))
        )


@keys.command("recover")
@click.argument("folder", type=FOLDER)
@click.option("--successor", type=FILE, default=None, help="its file, if not in keys/")
@click.option("--new-root", is_flag=True, help="the successor is lost too; other members approve")
@_passphrase_file
def keys_recover(
    folder: Path, successor: Path | None, passphrase_file: Path | None, *, new_root: bool
) -> None:
    """Replace a lost or stolen root key by the successor it has committed to.

    Where that is lost too, `--new-root` makes another key; once enough of the other members have
    approved it and the coordinator has named it, the same command puts it in its place.
    """
    if not new_root:
        _succeed(folder, successor, passphrase_file)
        return
    if successor is not None:
        raise click.UsageError("--new-root makes a key itself; leave out --successor")
    answer = ask(folder, "new_root")
    public = answer["public"]
    if not answer["named"]:
        remark(f"made {answer['path']}; copy it away")
        remark(
            "have the other members compare this key with you in person, and run: "
            f"sopro members approve DIRECTORY SITE {public.hex()}"
        )
        remark("then the coordinator: sopro members recover DIRECTORY SITE")
        remark("then run this command again")
        show(public.hex())
        return
    signing = Signing(folder, None, passphrase_file)
    _change(folder, signing, act="rotate", role="root", successor=public)


def _succeed(folder: Path, path: Path | None, passphrase_file: Path | None) -> None:
    signing = Signing(folder, path, passphrase_file)
    try:
        signer = signing.successor()
    except SoproError as error:
        fail(error)
    _change(folder, signing, act="rotate", role="root", successor=signer.public_key)
    remark(f"tell the coordinator: sopro join {folder} INVITE --root-key FILE")


class Signing:
    """Finds the root key that has to sign; it never leaves this process."""

    def __init__(self, folder: Path, path: Path | None, passphrase_file: Path | None) -> None:
        self._folder = folder
        self._path = path
        self._passphrase_file = passphrase_file
        self._known: Ed25519Signer | None = None

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
            settings = load_settings(self._folder)
            return find_key(
                self._folder, public, passphrase=Passphrase(settings, ask=asker())
            ).signer
        signer = self._open_named(self._path)
        if signer.public_key != public:
            raise RefusedError(
                f"{self._path}: not the key that has to sign, expected {public.hex()[:16]}..., "
                f"got {signer.public_key.hex()[:16]}..."
            )
        return signer

    def successor(self) -> Ed25519Signer:
        """Return the key that is to become root.

        Raises:
            RefusedError: none is here.
            FormatError: as `signer`.
        """
        if self._path is not None:
            return self._open_named(self._path)
        found = [path for kind, path in list_key_files(self._folder) if kind == NEXT_ROOT]
        if not found:
            raise RefusedError(
                f"no successor is in {self._folder}/keys; name its file with --successor FILE"
            )
        settings = load_settings(self._folder)
        return open_key(found[-1], Passphrase(settings, ask=asker())).signer


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
        async with reach(folder, must_sign=False) as office:
            for last in range(_TRIES):
                plan = await office(operation, values)
                entry = sign_record(plan["record"], [signing.signer(plan["root"])])
                try:
                    return plan, (await office(put, {"entry": entry}))["index"]
                except ConflictError:
                    if last == _TRIES - 1:
                        raise
        raise AssertionError("returned or raised")

    return run(work())


def _change(folder: Path, signing: Signing, **act: Any) -> dict[str, Any]:
    """Make a change of keys, and tell what came of it."""
    plan, index = sign_planned(folder, signing, "plan_keys", act)
    show(f"entry {index} names the keys of this site now")
    for path in plan["made"]:
        remark(f"made {path}; copy it away")
    for one in plan["ended"]:
        remark(f"retired: {one}")
    return plan


@keys.command("export")
@click.argument("folder", type=FOLDER)
@click.argument("target", type=FOLDER)
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="only these")
@click.option("--passphrase-file", type=FILE, default=None, help="for the copies; else asked for")
def keys_export(
    folder: Path, target: Path, kinds: tuple[str, ...], passphrase_file: Path | None
) -> None:
    """Copy the private keys, encrypted, into a new directory that you keep elsewhere."""
    try:
        settings = load_settings(folder)
        secret = new_passphrase(passphrase_file, ask=True) or b""
        check_new_passphrase(secret)
        passphrase = Passphrase(settings, ask=asker())
        chosen = [path for kind, path in list_key_files(folder) if not kinds or kind in kinds]
        if not chosen:
            raise RefusedError(f"{folder}/keys: no such key is here")
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in chosen:
            copy_key(path, target / path.name, passphrase=passphrase, secret=secret)
            show(str(target / path.name))
    except OSError as error:
        fail(FormatError(f"{target}: cannot be written ({error.strerror}); name another"))
    except SoproError as error:
        fail(error)


@keys.command("encrypt")
@click.argument("folder", type=FOLDER)
@click.option("--passphrase-file", type=FILE, default=None, help="else asked for")
def keys_encrypt(folder: Path, passphrase_file: Path | None) -> None:
    """Put every key file that has none under a passphrase."""
    try:
        load_settings(folder)
        plain = [path for _, path in list_key_files(folder) if not is_encrypted(path)]
        secret = new_passphrase(passphrase_file, ask=True) or b""
        check_new_passphrase(secret)
        for path in plain:
            encrypt_key(path, secret)
            show(str(path))
    except SoproError as error:
        fail(error)
    remark(
        "so that the node comes back by itself, name the file of the passphrase in the setting "
        "'key_passphrase_file', or give systemd the credential 'key-passphrase'"
    )


COMMANDS = (keys,)
