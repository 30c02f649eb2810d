"""Which logs this node follows, where they are served, and which nodes tell of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from sopro_node.config import Settings
from sopro_node.holdings import Holdings
from sopro_node.identity import Identity, Invite
from sopro_node.target import Target
from sopro_registry.families import site_membership

_MOST_BASES: Final = 5


class Followed:
    """What is to be followed, as the coordinator's log and the settings say."""

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        holdings: Holdings,
        *,
        invite: Callable[[], Invite | None],
        former_urls: Callable[[], Iterable[str]],
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._holdings = holdings
        self._invite = invite
        self._former_urls = former_urls

    def targets(self) -> list[Target]:
        """Return what is to be followed now, the coordinator first."""
        invite = self._invite()
        targets = []
        roots: dict[str, tuple[bytes, ...]] = {}
        urls: dict[str, list[str]] = {}
        members = list(self._holdings.directory.members())
        mirrored = self._mirrored(members)
        if invite is not None:
            urls[invite.origin] = list(invite.urls)
            targets.append((invite.origin, invite.root_key))
        for member in members:
            known = urls.setdefault(member.origin, [])
            known[:0] = [url for url in member.urls if url not in known]
            is_followed = member.status in ("admitted", "suspended", "left", "expelled")
            if is_followed and member.site in mirrored:
                for origin in self._holdings.directory.logs(member.site):
                    # The site's node has its closed logs as others do.
                    urls.setdefault(origin, known)
                    targets.append((origin, self._founding_root(origin, member)))
                    roots[origin] = self._holdings.directory.leading_roots(origin)
        own = self._identity.origin
        seen = dict(targets)
        return [
            replace(
                self._target(origin, root, urls),
                roots=roots.get(origin, ()),
                is_cut=self._holdings.directory.is_closed(origin),
                beginning=self._holdings.directory.beginning(origin) or b"",
            )
            for origin, root in seen.items()
            if origin != own
        ]

    def _mirrored(self, members: Sequence[site_membership.Body]) -> set[str]:
        """Return the sites whose logs are mirrored.

        With a site that has ever gone, be it this one, go those that look after it, or have, since
        what was erased in its log stands in theirs (ERASE-8).
        """
        directory = self._holdings.directory
        chosen = {one.site for one in members if self._settings.mirrors(one.site)}
        gone = [site for site in {*chosen, self._identity.site} if directory.has_gone(site)]
        return chosen.union(*(directory.caretakers(site) for site in gone))

    def _founding_root(self, origin: str, member: site_membership.Body) -> bytes:
        return self._holdings.directory.founding_root(origin) or member.root

    def _target(self, origin: str, root: bytes, urls: dict[str, list[str]]) -> Target:
        path = "/log/" + origin.split("/", 1)[1]
        others = [url for other, known in urls.items() if other != origin for url in known]
        own, every = (
            [
                url.rstrip("/") + path
                for url in dict.fromkeys(known)
                if url.rstrip("/") != self._settings.public_url
            ]
            for known in (urls.get(origin, []), [*urls.get(origin, []), *others])
        )
        return Target(origin, root, tuple(every[:_MOST_BASES]), own_bases=len(own))

    def tellers(self, targets: Iterable[Target]) -> dict[str, str]:
        """Return where the other nodes are, by the origin of their own logs.

        Where a coordinator was that has a successor is among them: it may come back.
        """
        former = {f"former coordinator at {url}": url.rstrip("/") for url in self._former_urls()}
        return former | {
            one.origin: root_url(one)
            for one in targets
            if one.own_bases and one.bases
            if not self._holdings.directory.is_closed(one.origin)
        }


def root_url(target: Target) -> str:
    """Return the URL of the first node that serves a log."""
    return target.bases[0][: -len("/log/" + target.origin.split("/", 1)[1])]
