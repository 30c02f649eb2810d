"""What rules may look at where only a certificate is there: the rest is taken as said."""

from sopro_registry.families import site_membership
from sopro_registry.family import Waiting


class AnyScheme:
    """A scheme that allowed what was decided."""

    grace_days = 0xFFFF
    max_validity_months = 12_000
    status = "active"


class Unseen:
    """The `View` of an entry whose log is not here (SPEC CERT-4)."""

    acted_on = None
    is_coordinator = False
    keys_record = None
    states_status = False
    is_import_closed = False
    withheld = 0
    stated = -1
    misstated = -1

    def __init__(
        self,
        origin: str,
        index: int,
        *,
        grants: int = 0,
        member: site_membership.Body | None = None,
    ) -> None:
        self.origin = origin
        self.site = origin.split("/")[1]
        self.index = index
        self.grants = grants
        self._member = member

    def status_root(self) -> None:
        """Say nothing: the tree is not here."""
        return

    def exists_named(self, _family: str, _name: str) -> bool:
        """Say that the number was free; another label with it is another certificate."""
        return False

    def named(self, _family: str, _name: str) -> None:
        """Return nothing: the records of the assessment are not here."""
        return

    def exists(self, _family: str, _entity: bytes) -> bool:
        """Say that the offering exists."""
        return True

    def state(self, _family: str, _entity: bytes) -> None:
        """Return nothing: the records of the assessment are not here."""
        return

    def criterion(self, _scheme: str, _code: str, *, version: int = 0) -> None:
        """Return nothing, because no decision asks for it."""
        del version

    def criteria(self, _scheme: str, *, version: int = 0) -> None:
        """Return nothing: what was assessed was weighed where the logs are."""
        del version

    def membership(self) -> site_membership.Body | None:
        """Return the membership in the certificate."""
        return self._member

    def members(self) -> tuple[site_membership.Body, ...]:
        """Return nobody, because no decision asks for others."""
        return ()

    def may_receive(self, _site: str) -> bool:
        """Say that the receiver was a member."""
        return True

    def may_take(self, _origin: str, *, is_orphaned: bool) -> bool:
        """Say that it was; the part of the file about the log before proves it."""
        del is_orphaned
        return True

    def looks_after(self, _origin: str) -> bool:
        """Say that it does not, because no decision asks for it."""
        return False

    def end_while_away(self, _origin: str) -> int | None:
        """Return nothing, because no decision asks for it."""
        return None

    def scheme(self, _name: str) -> AnyScheme:
        """Return a scheme that allowed it."""
        return AnyScheme()

    def leaf(self, _index: int) -> bytes:
        """Return nothing, because no decision asks for it."""
        return b""

    def is_withheld(self, _index: int) -> bool:
        """Say that none is, because no decision asks for it."""
        return False

    def coordinator_root(self, size: int) -> bytes:
        """Raise, because no decision asks for it."""
        raise Waiting(size)
