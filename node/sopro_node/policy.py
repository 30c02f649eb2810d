"""The witness policy in force, with the keys that stand in each site's own log (SPEC WIT-13)."""

from collections.abc import Callable
from typing import Final

from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_protocol.keys import Role, make_vkey
from sopro_protocol.policy import Policy, PolicyLog
from sopro_registry.witnesses import SiteWitness, build_policy, keys_in_force

PATH: Final = "/witness"

Urls = Callable[[str], list[str]]


def read_policy(holdings: Holdings, *, urls: Urls) -> Policy | None:
    """Return the policy in force with the keys known here; None where it lacks one or too many.

    Args:
        holdings: the logs.
        urls: returns where a site's node answers.
    """
    body = holdings.directory.witness_policy()
    if body is None:
        return None
    federation = holdings.own_origin.split("/")[0]
    sites = {}
    for site in body.witnesses:
        held = _held_of(holdings, site)
        if held is not None:
            [url] = urls(site)[:1] or [""]
            keys = keys_in_force(held.keys, Role.WITNESS, size=held.size)
            sites[site] = SiteWitness(keys, f"{url.rstrip('/')}{PATH}" if url else "")
    return build_policy(body, federation=federation, sites=sites, logs=_logs(holdings, urls))


def has_gone(holdings: Holdings, site: str) -> bool:
    """Say whether a site is no member any more, so that its witness counts no more (WIT-13)."""
    member = holdings.directory.membership(site)
    return member is not None and member.status not in ("admitted", "suspended")


def _held_of(holdings: Holdings, site: str) -> HeldLog | None:
    """Return the log with the keys of a site's witness; None where the site has gone (WIT-13)."""
    member = holdings.directory.membership(site)
    coordinator = holdings.coordinator
    if member is not None:
        return None if has_gone(holdings, site) else holdings.logs.get(member.origin)
    return coordinator if coordinator is not None and coordinator.site == site else None


def _logs(holdings: Holdings, urls: Urls) -> list[PolicyLog]:
    logs, seen = [], set()
    for origin, held in sorted(holdings.logs.items()):
        if holdings.directory.is_closed(origin):
            continue  # the log that continues it may have the same key
        for public in keys_in_force(held.keys, Role.LOG, size=held.size):
            if public not in seen:
                [url] = urls(held.site)[:1] or [""]
                address = f"{url.rstrip('/')}{held.path}" if url else ""
                logs.append(PolicyLog(make_vkey(origin, public), address))
            seen.add(public)
    return logs
