"""One batch of the node's own log: drafts in, signed entries of one step out."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import msgspec

from sopro_node import clock
from sopro_node.documents import commit_all
from sopro_node.drafting import CURRENT, Appended, Draft, Outcome, Signed, make_body, refusal_of
from sopro_node.heldlog import HeldLog
from sopro_node.holdings import Holdings
from sopro_node.identifying import check_own
from sopro_node.public_names import check_names
from sopro_node.signatory import Signatory
from sopro_node.step import Step
from sopro_node.store.base import Store
from sopro_protocol.encoding import encode_struct
from sopro_protocol.errors import (
    ConflictError,
    FormatError,
    RefusedError,
    SoproError,
    UnavailableError,
)
from sopro_protocol.record import Record, check_signatures, parse_entry, sign_record
from sopro_registry.catalogue import FAMILIES, decode_state
from sopro_registry.family import Family


class SpoiltError(Exception):
    """A draft was found to be wrong when it was in its step already, which is of no use then."""

    def __init__(self, number: int, error: SoproError) -> None:
        super().__init__(str(error))
        self.number = number
        self.error = error


class Batch:
    """Drafts that become entries, inside a transaction and on the writer's thread.

    Attributes:
        step: by which the log grows.
    """

    def __init__(
        self,
        holdings: Holdings,
        store: Store,
        held: HeldLog,
        *,
        root_key: bytes,
        signatory: Signatory,
    ) -> None:
        self._holdings = holdings
        self._signatory = signatory
        self.step = Step(holdings, store, held, root_key=root_key)

    def catch_up(self) -> None:
        """Judge what is here and not judged yet.

        Raises:
            UnavailableError: something waits for the coordinator's log; nothing may follow it.
        """
        self.step.catch_up()
        if self.step.is_waiting:
            raise UnavailableError(
                "this site's own log waits for the coordinator's log to be judged; try again in a "
                "moment, and see with 'sopro status' that the coordinator's log is followed"
            )

    def try_all(
        self, drafts: Sequence[Draft | Signed], refused: Mapping[int, SoproError]
    ) -> list[Outcome]:
        """Append drafts but those that are refused already; say what came of each.

        Raises:
            SpoiltError: one was found to be wrong too late.
        """
        return [
            refused[number] if number in refused else self._try(draft, number)
            for number, draft in enumerate(drafts)
        ]

    def _try(self, draft: Draft | Signed, number: int) -> Outcome:
        before = self.step.size
        try:
            if isinstance(draft, Signed):
                return self.append_signed(draft.entry)
            return self.append(draft)
        except SoproError as error:
            if self.step.size > before:
                raise SpoiltError(number, error) from error
            return error

    def append(self, draft: Draft) -> Appended:
        """Make an entry of a draft, sign and judge it.

        Raises:
            ConflictError: its entity has changed since it was seen.
            FormatError: a field does not fit.
            RefusedError: a rule forbids it.
        """
        step = self.step
        family = FAMILIES.get(draft.family)
        if family is None:
            raise FormatError(f"unknown family {draft.family!r}", code="rec.family")
        for one in draft.before:
            # One that is refused takes the others with it: the batch is tried without all of them.
            self.append(one)
        entity = draft.entity or os.urandom(16)
        row = step.tables.entity(entity)
        head = row.head if row else None
        if draft.seen not in (CURRENT, head):
            raise ConflictError(f"{draft.family}: somebody has changed it since; look again")
        values = self._complete(family, entity, draft.values)
        if not draft.is_copy:
            check_own(family.name, values, draft.documents)
            check_names(family.name, draft.documents)
        commitments, rows = commit_all(draft.documents, position=step.size)
        record = Record(
            body=msgspec.Raw(encode_struct(make_body(family, values))),
            docs=commitments or msgspec.UNSET,
            entity=entity,
            family=family.title,
            log=step.held.origin,
            prev=head or msgspec.UNSET,
            salt=os.urandom(16),
            time=max(clock.now(), step.ledger.cursor.last_time),
            v=1,
        )
        signer = self._signatory.signer(family.role, step.ledger.cursor.keys, position=step.size)
        data = sign_record(encode_struct(record), [signer])
        judgement = step.ledger.judge(data, verified=True)  # by `write`, before the commit
        if judgement.void is not None:
            raise refusal_of(judgement.void)
        step.add_judged(data, judgement)
        step.add_documents(rows)
        return Appended(judgement.index, entity, judgement.entry_id, values)

    def append_signed(self, data: bytes) -> Appended:
        """Append an entry that was signed elsewhere, exactly as it is, once (SPEC EXCH-15).

        Raises:
            ConflictError: the log has grown since.
            RefusedError: a rule forbids it.
        """
        step = self.step
        judgement = step.ledger.judge(data)
        if judgement.void is not None:
            known = step.find(judgement.entry_id)
            if known is not None and judgement.record is not None:
                return Appended(known, judgement.record.entity, judgement.entry_id, {})
            if judgement.void.code in ("lbl.conflict", "rec.time"):
                raise ConflictError("the log has grown since this was signed; sign it again")
            raise RefusedError(judgement.void.message, code=judgement.void.code)
        if judgement.change is not None and judgement.change.keys is not None:
            # A record after which nothing could be signed must not get in.
            self._signatory.check(judgement.change.keys, size=judgement.index + 1)
        voids = step.ledger.cursor.voids
        step.add_judged(data, judgement)
        is_withholding = judgement.change is not None and judgement.change.withheld is not None
        if is_withholding and step.ledger.cursor.voids > voids + 1:
            raise RefusedError(
                "without that entry later ones of this log would be void; it cannot be withheld",
                code="wdh.state",
            )
        assert judgement.record is not None, "not void"  # noqa: S101  # a bug if it were
        return Appended(judgement.index, judgement.record.entity, judgement.entry_id, {})

    def _complete(
        self, family: Family[Any, Any], entity: bytes, values: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        row = self.step.tables.entity(entity)
        state = row.state if row else None
        if isinstance(state, bytes):
            state = decode_state(family.name, state)
        values = family.complete(values, state, self.step.ledger)
        needs_number = family.name == "label_decision" and values.get("action") == "grant"
        member = (
            self.step.ledger.membership() if needs_number and "certificate" not in values else None
        )
        if member is None:
            return values
        return {**values, "certificate": self.step.numbers.next_of(member.prefix)}

    def append_state(self) -> None:
        """Append the record that ends a batch."""
        self.append(draft_state(self._holdings, self.step.held))

    def write(self, checker: Executor) -> None:
        """Write a batch, and check meanwhile that what was signed here verifies.

        A signature that a fault of the machine spoilt must not be committed. Checking costs
        more than signing, so it has a thread of its own. The head before is kept beside the
        batch: it is what this node serves after a start, until it may sign again.
        """
        keys = {span.key_id: span.public for span in self.step.ledger.cursor.keys}
        checked = checker.submit(_check_all, self.step.own_entries, keys)
        self.step.write(checkpoint=self.step.held.checkpoint)
        checked.result()


def draft_state(holdings: Holdings, held: HeldLog) -> Draft:
    """Draft the record that ends a batch: what the site knows now (SPEC STATE-2)."""
    values: dict[str, Any] = {}
    coordinator = holdings.coordinator
    if coordinator is not None and coordinator is not held and coordinator.signed_size:
        size = min(coordinator.signed_size, coordinator.cursor.projected)
        values["coordinator"] = {"root": coordinator.tree.root_at(size), "size": size}
    return Draft("log_state", values, entity=own_entity(held.origin, "log_state"))


def _check_all(entries: Sequence[bytes], keys: Mapping[bytes, bytes]) -> None:
    for data in entries:
        check_signatures(parse_entry(data), keys)


def own_entity(origin: str, family: str) -> bytes:
    """Return the entity of the records in which a log speaks about itself."""
    return hashlib.sha256(f"{origin}\n{family}".encode()).digest()[:16]
