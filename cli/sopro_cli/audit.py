"""Verifying everything: `sopro audit`."""

import dataclasses
from pathlib import Path

import rich_click as click

from sopro_cli.certificate_trust import read_invite
from sopro_cli.office import run
from sopro_cli.options import FILE, TARGET
from sopro_cli.output import VERIFICATION, fail, remark, show, show_json
from sopro_cli.progress import progress_bars
from sopro_node.audit.directory import audit_directory
from sopro_node.audit.peer import audit_peer
from sopro_node.audit.report import LogReport, Report
from sopro_protocol.errors import SoproError


@click.command()
@click.argument("target", metavar="DIRECTORY|URL", callback=TARGET)
@click.option("--invite", type=FILE, default=None, help="of the federation, to audit a URL")
@click.option("--json", "as_json", is_flag=True)
def audit(target: str, invite: Path | None, *, as_json: bool) -> None:
    """Verify everything again, independently of the running node.

    A directory may be served meanwhile; at a URL, all logs and answers are fetched, and of proofs
    and certificates some. Ends with 0 only when nothing is wrong, with 76 when something is.
    """
    try:
        pinned = read_invite(invite) if invite else None
        with progress_bars() as progress:
            if target.startswith(("http://", "https://")):
                report = run(audit_peer(target, pinned, progress))
            else:
                report = audit_directory(Path(target), progress)
    except SoproError as error:
        fail(error)
    if as_json:
        show_json({"clean": report.is_clean, **dataclasses.asdict(report)})
    else:
        _tell(report)
    raise SystemExit(0 if report.is_clean else VERIFICATION)


def _tell(report: Report) -> None:
    remark(f"trusted: {report.trusted}")
    for log in report.logs:
        _tell_log(log)
    for problem in report.problems:
        show(f"problem: {problem}")
    count = len(report.problems) + sum(len(log.problems) for log in report.logs)
    show("clean" if report.is_clean else f"not clean: {count} problems")


def _tell_log(log: LogReport) -> None:
    show(
        f"{log.origin}: {log.entries} entries, {log.labels} labels, {log.documents} documents, "
        f"root {log.root[:16]}"
    )
    for code, count in sorted(log.void.items()):
        show(f"  {count} void: {code}")
    if log.judged < log.entries:
        show(f"  {log.entries - log.judged} wait for the coordinator's log")
    for problem in log.problems:
        show(f"  problem: {problem}")


COMMANDS = (audit,)
