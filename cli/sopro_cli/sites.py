"""Making nodes: `sopro federation new`, `sopro site new`."""

from pathlib import Path

import rich_click as click

from sopro_cli.certificate_trust import read_invite
from sopro_cli.office import ask, run
from sopro_cli.options import FILE, FOLDER
from sopro_cli.output import fail, remark, show, show_lines
from sopro_cli.secrets import new_passphrase
from sopro_node.criteria import DEFAULT_CRITERIA, describe_gaps, read_criteria
from sopro_node.found import COORDINATOR, INVITE, Plan, create_node
from sopro_node.preparing import SuccessionPlan, prepare
from sopro_node.takeover import take_over
from sopro_protocol.errors import SoproError


def _names(pairs: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    named = []
    for pair in pairs:
        tag, equals, text = pair.partition("=")
        if not equals or not text:
            raise click.BadParameter(f"expected LANGUAGE=NAME, got {pair!r}")
        named.append((tag, text))
    return tuple(named)


def _secret(path: Path | None, *, ask_passphrase: bool) -> bytes | None:
    try:
        return new_passphrase(path, ask=ask_passphrase)
    except SoproError as error:
        fail(error)


@click.group()
def federation() -> None:
    """The coordination node."""


@federation.command("new")
@click.argument("folder", type=FOLDER)
@click.option("--name", "federation_name", required=True, help="for example sopro.example")
@click.option("--country", default="BE", show_default=True, help="seat of the agency")
@click.option("--zone", default="Europe/Brussels", show_default=True)
@click.option("--listen", default="127.0.0.1:8440", show_default=True, help="HOST:PORT")
@click.option("--url", default="", help="under which members reach it")
@click.option("--criteria", type=FILE, help="TOML file; five of ours if not given")
@click.option(
    "--passphrase-file", type=FILE, default=None, help="for the key files; then and later"
)
@click.option("--ask-passphrase", is_flag=True, help="ask for the passphrase of the key files")
def federation_new(  # one for each option
    folder: Path,
    federation_name: str,
    country: str,
    zone: str,
    listen: str,
    url: str,
    criteria: Path | None,
    passphrase_file: Path | None,
    *,
    ask_passphrase: bool,
) -> None:
    """Make the coordinator's data directory and print its invite file.

    It begins with a scheme, its criteria and the first version of the set that labels are judged
    by, so that nothing is granted without an assessment: those of --criteria, or ours.
    """
    secret = _secret(passphrase_file, ask_passphrase=ask_passphrase)
    plan = Plan(
        federation=federation_name,
        site=COORDINATOR,
        country=country,
        zone=zone,
        languages=("en", "de", "hu"),
        name=(("en", "SoPro coordination"),),
        listen=listen,
        url=url,
        passphrase=secret,
        passphrase_file=str(passphrase_file.resolve()) if passphrase_file else "",
    )
    try:
        published = read_criteria(criteria or DEFAULT_CRITERIA)
        create_node(folder, plan, coordinator=True)
    except SoproError as error:
        fail(error)
    ask(folder, "publish_criteria", **published)
    for one in published["criteria_sets"]:
        remark(
            f"labels of scheme {one['scheme']} are judged by {len(one['criteria'])} criteria, "
            f"version {one['version']}: 'sopro criteria show {one['scheme']} --dir {folder}'"
        )
    for gap in describe_gaps(published):
        remark(gap)
    remark(f"made the coordinator of {federation_name}; give members this invite:")
    show(str(folder / INVITE))


@federation.command("invite")
@click.argument("folder", type=FOLDER)
def federation_invite(folder: Path) -> None:
    """Print the invite file as it is now: with the address at which the coordinator answers."""
    show_lines(ask(folder, "invite")["invite"].decode())


@federation.command("take-over")
@click.argument("folder", type=FOLDER)
@click.option("--invite", type=FILE, required=True, help="the federation's invite file")
@click.option("--url", required=True, help="under which members will reach it")
@click.option("--listen", default="", help="HOST:PORT; as before, or 127.0.0.1:8440")
@click.option("--peer", "peers", multiple=True, required=True, help="address of a member's node")
@click.option("--country", default="BE", show_default=True, help="seat of the agency")
@click.option("--zone", default="Europe/Brussels", show_default=True)
@click.option(
    "--passphrase-file", type=FILE, default=None, help="for the key files; then and later"
)
@click.option("--ask-passphrase", is_flag=True, help="ask for the passphrase of the key files")
def federation_take_over(  # one for each option
    folder: Path,
    invite: Path,
    url: str,
    listen: str,
    peers: tuple[str, ...],
    country: str,
    zone: str,
    passphrase_file: Path | None,
    *,
    ask_passphrase: bool,
) -> None:
    """Go on in the place of a coordinator whose keys are lost for ever.

    Run it twice. First it makes new keys and prints the root key that members have to appoint;
    when enough of them have, it fetches the log from them and takes it over. Until then running
    it again changes nothing but where it will answer; afterwards it does nothing.
    """
    try:
        plan = SuccessionPlan(
            invite=read_invite(invite),
            url=url,
            listen=listen,
            peers=peers,
            country=country,
            zone=zone,
            passphrase=_secret(passphrase_file, ask_passphrase=ask_passphrase),
            passphrase_file=str(passphrase_file.resolve()) if passphrase_file else "",
        )
        prepared = prepare(folder, plan)
    except SoproError as error:
        fail(error)
    if prepared.is_new:
        key = prepared.root.hex()
        remark(
            "new keys are made. Tell the members this root key and address in person; enough of "
            f"them have to run: sopro anchor DIRECTORY --successor {key} --url {url}"
        )
        remark("then run this command again")
        show(key)
        return
    nomination = run(take_over(folder, plan))
    remark(
        f"took over {plan.invite.origin} after its {nomination.size} entries, as "
        f"{', '.join(nomination.by)} have appointed; start it with: sopro serve {folder}"
    )
    remark("give new members this invite:")
    show(str(folder / INVITE))


@click.group()
def site() -> None:
    """A national site's node."""


@site.command("new")
@click.argument("folder", type=FOLDER)
@click.option("--site", "code", required=True, help="permanent code, for example at")
@click.option("--country", required=True, help="ISO 3166-1 alpha-2, for example AT")
@click.option(
    "--federation",
    default="sopro.example",
    show_default=True,
    help="as the coordinator's invite file names it; permanent, like the code",
)
@click.option("--zone", default="", help="IANA time zone; needed where a country has several")
@click.option("--language", "languages", multiple=True, help="official language, repeatable")
@click.option("--name", "names", multiple=True, help="LANGUAGE=NAME, repeatable")
@click.option("--listen", default="127.0.0.1:8440", show_default=True, help="HOST:PORT")
@click.option("--url", default="", help="under which others reach it")
@click.option(
    "--passphrase-file", type=FILE, default=None, help="for the key files; then and later"
)
@click.option("--ask-passphrase", is_flag=True, help="ask for the passphrase of the key files")
def site_new(  # one for each option
    folder: Path,
    code: str,
    country: str,
    federation: str,
    zone: str,
    languages: tuple[str, ...],
    names: tuple[str, ...],
    listen: str,
    url: str,
    passphrase_file: Path | None,
    *,
    ask_passphrase: bool,
) -> None:
    """Make a site's data directory: keys, configuration, an empty log."""
    secret = _secret(passphrase_file, ask_passphrase=ask_passphrase)
    plan = Plan(
        federation=federation,
        site=code,
        country=country,
        zone=zone,
        languages=languages,
        name=_names(names),
        listen=listen,
        url=url,
        passphrase=secret,
        passphrase_file=str(passphrase_file.resolve()) if passphrase_file else "",
    )
    try:
        identity = create_node(folder, plan, coordinator=False)
    except SoproError as error:
        fail(error)
    remark(f"made {identity.origin} in {identity.zone}; keep {folder}/keys safe, and copy it away")
    show(identity.origin)


COMMANDS = (federation, site)
