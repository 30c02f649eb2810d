"""Our node with one fault, behind the adapter protocol: `python run.py NAME`.

The faults are here and nowhere in the node: each replaces a function of it before it is started.
"""

import hashlib
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgpack
from careless import CARELESS
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from histories import JUDGED
from msgspec import structs
from records import RECORDS
from served import NETWORK

from sopro_node.replay import Replay
from sopro_protocol import commitment, cosignature, encoding, merkle, note, policy, record
from sopro_protocol.cosignature import parse_cosignature
from sopro_protocol.errors import FormatError, RefusedError, VerificationError
from sopro_protocol.keys import verify_ed25519
from sopro_registry import label
from sopro_registry.family import KeySpan

MUTANTS: Final[dict[str, Callable[[], None]]] = {**CARELESS, **RECORDS, **JUDGED}
MODULES: Final = (
    "sopro_cli.adapter",
    "sopro_cli.judging",
    "sopro_cli.verdicts",
    "sopro_node.audit.judging",
    "sopro_node.replay",
    "sopro_registry.projection",
)


def mutant(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(change: Callable[[], None]) -> Callable[[], None]:
        MUTANTS[name] = change
        return change

    return enter


def replace(module: str, name: str, new: Any) -> Any:
    """Replace a function wherever the node has taken it from its module; return the old one."""
    old = getattr(import_module(module), name)
    for loaded in [one for key, one in sys.modules.items() if key.startswith("sopro_")]:
        if vars(loaded).get(name) is old:
            setattr(loaded, name, new)
    return old


@mutant("M01")
def stock_msgpack() -> None:
    def decode(data: bytes, *, limit: int = 0) -> Any:
        if len(data) > (limit or 32768):
            raise refuse("enc.limit")
        try:
            return msgpack.unpackb(data, raw=False)
        except Exception as error:
            raise refuse("enc.framing") from error

    replace("sopro_protocol.encoding", "decode", decode)


def refuse(code: str) -> Exception:
    return FormatError("mutant", code=code)


@mutant("M02")
def encodes_again() -> None:
    """Takes any spelling, and hashes its own."""
    stock_msgpack()
    drops_unknown_fields()


@mutant("M31")
def drops_unknown_fields() -> None:
    """Hashes what it has understood of a record."""
    old = merkle.leaf_hash

    def leaf_hash(entry: bytes) -> Any:
        try:
            inner, signatures = msgpack.unpackb(entry, raw=False)
            fields = msgpack.unpackb(inner, raw=False)
            known = {
                key: one for key, one in fields.items() if key in record.Record.__struct_fields__
            }
            return old(msgpack.packb([msgpack.packb(known), signatures], use_bin_type=True))
        except Exception:
            return old(entry)

    replace("sopro_protocol.merkle", "leaf_hash", leaf_hash)


def lax_verify(public_key: bytes, *, message: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise VerificationError("mutant", code="sig.invalid") from error


@mutant("M03")
def stock_ed25519() -> None:
    replace("sopro_protocol.keys", "verify_ed25519", lax_verify)
    replace("sopro_protocol.keys", "check_public_key", lambda _key: None)


@mutant("M04")
def no_domains() -> None:
    contexts = (b"sopro-record/1\n", b"", b"sopro-document/1\n", b"cosignature/v1\n")

    def check_signatures(entry: Any, keys: Any) -> None:
        for key_id, signature in entry.signatures:
            if key_id not in keys:
                raise VerificationError("mutant", code="sig.unknown-key")
            for context in contexts:
                try:
                    verify_ed25519(
                        keys[key_id], message=context + entry.record, signature=signature
                    )
                    break
                except VerificationError:
                    continue
            else:
                raise VerificationError("mutant", code="sig.invalid")

    replace("sopro_protocol.record", "check_signatures", check_signatures)


@mutant("M05")
def short_ids() -> None:
    old = record.check_signatures

    def check_signatures(entry: Any, keys: Any) -> None:
        short = {key[:4]: (key, public) for key, public in keys.items()}
        signatures = [
            one._replace(key_id=short[one.key_id[:4]][0]) if one.key_id[:4] in short else one
            for one in entry.signatures
        ]
        old(entry._replace(signatures=signatures), keys)

    replace("sopro_protocol.record", "check_signatures", check_signatures)


@mutant("M06")
def no_leaf_prefix() -> None:
    replace("sopro_protocol.merkle", "leaf_hash", lambda entry: hashlib.sha256(entry).digest())


@mutant("M10")
def counts_lines() -> None:
    """Counts cosignatures by their keys' names, whoever's they are."""

    def find(_text: str, signatures: Any, witnesses: Any, *, latest: int | None = None) -> Any:
        del latest
        names = [one.name for one in witnesses]
        lines = [one for one in signatures if len(one.signature) == 72]
        found = {}
        for name, line in zip(names, lines, strict=False):
            found[name] = (line, parse_cosignature(line)[0])
        return found

    replace(policy.__name__, "find_cosignatures", find)


@mutant("M18")
def keys_for_ever() -> None:
    KeySpan.counts_at = lambda span, position: span.since <= position  # type: ignore[method-assign]


@mutant("M19")
def keys_by_position_of_the_record_before() -> None:
    """Lets a key sign as long as its site says it did so in time."""
    KeySpan.counts_at = lambda _span, _position: True  # type: ignore[method-assign]


@mutant("M20")
def any_root() -> None:
    replace("sopro_registry.families.site_keys", "is_successor", lambda _public, _state: True)


@mutant("M22")
def no_table() -> None:
    word = {
        label.Action.SUSPEND: label.Status.SUSPENDED,
        label.Action.REVOKE: label.Status.REVOKED,
        label.Action.TERMINATE_ON_REQUEST: label.Status.TERMINATED,
    }

    class Table(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            return super().get(key) or word.get(key[1], label.Status.ACTIVE)

    module = import_module("sopro_registry.decision_fields")
    module.TRANSITIONS = Table(label.TRANSITIONS)  # type: ignore[attr-defined]
    module.NEEDS.update({action: module._needs_of(action) for action in label.Action})
    replace("sopro_registry.projection", "_check_chain", lambda *_: None)
    replace("sopro_registry.projection", "_continues", lambda *_: True)


@mutant("M23")
def anybody_decides() -> None:
    module = import_module("sopro_registry.families.label_decision")
    old = module._check_first

    def check(body: Any, view: Any, *, takes_over: bool) -> None:
        del takes_over
        old(body, view, takes_over=True)

    module._check_first = check  # type: ignore[attr-defined]


@mutant("M24")
def no_expiry() -> None:
    replace("sopro_registry.label", "lapse", lambda status, _until, _day: status)


@mutant("M26")
def no_salt() -> None:
    """Takes a plain digest of the content for a commitment, too."""
    old = commitment.check_document

    def check(content: bytes, *, key: bytes, **more: Any) -> None:
        if hashlib.sha256(content).digest() != more["commitment"].commitment:
            old(content, key=key, **more)

    replace("sopro_protocol.commitment", "check_document", check)


@mutant("M37")
def stops_at_the_first() -> None:
    old = Replay._judge

    def judge(self: Any, item: Any, leaf: bytes, **how: Any) -> Any:
        found = old(self, item, leaf, **how)
        self.is_waiting = self.is_waiting or bool(found is not None and found.void is not None)
        return found

    Replay._judge = judge  # type: ignore[method-assign]


@mutant("M39")
def short_circuit() -> None:
    """Refuses every record before it looks at it."""

    def read(_data: bytes, _bodies: Any) -> Any:
        raise refuse("rec.form")

    replace("sopro_protocol.record", "read_record", read)


@mutant("M11")
def no_quorum() -> None:
    """Calls a label valid whoever has cosigned its head."""
    found = policy.Witnessed("", {})
    replace("sopro_protocol.policy", "check_quorum", lambda *_, **__: found)


@mutant("X01")
def goes_on_behind_the_value() -> None:
    old = encoding.decode

    def decode(data: bytes, *, limit: int = encoding.MAX_RECORD) -> Any:
        for end in range(len(data), 0, -1):
            try:
                return old(data[:end], limit=limit)
            except FormatError as error:
                if error.code != "enc.framing":
                    raise
        return old(data, limit=limit)

    replace("sopro_protocol.encoding", "decode", decode)


@mutant("X02")
def sizes_as_python_reads_them() -> None:
    def parse_size(text: str, *, where: str, code: str, limit: int = 2**48) -> int:
        try:
            number = int(text)
        except ValueError:
            raise refuse(code) from None
        if not 0 <= number <= limit:
            raise FormatError(where, code=code)
        return number

    replace("sopro_protocol.checkpoint", "parse_size", parse_size)


@mutant("X03")
def one_good_line_is_enough() -> None:
    """Passes over a line of a known key that fails."""
    old = note._find_signer

    def find(message: bytes, line: Any, candidates: Any) -> Any:
        try:
            return old(message, line, candidates)
        except VerificationError:
            return None

    def verify(parsed: Any, keys: Any) -> Any:
        known = {(key.name, key.note_key_id): [key] for key in keys}
        found = [
            find(parsed.text.encode(), line, known[line.name, line.key_id])
            for line in parsed.signatures
            if (line.name, line.key_id) in known
        ]
        if not any(found):
            raise VerificationError("mutant", code="ckp.signature")
        return note.OpenedNote(parsed.text, parsed.signatures, tuple(filter(None, found)))

    replace("sopro_protocol.note", "verify_note", verify)


@mutant("X04")
def keys_by_short_id_alone() -> None:
    """Takes a line of a known key for one, whatever name stands before it."""
    old = note.verify_note

    def verify(parsed: Any, keys: Any) -> Any:
        lines = tuple(
            structs.replace(line, name=key.name, key_id=key.note_key_id)
            for line in parsed.signatures
            for key in keys
        )
        return old(structs.replace(parsed, signatures=lines), keys)

    replace("sopro_protocol.note", "verify_note", verify)


@mutant("X05")
def time_is_not_bound() -> None:
    """Verifies a cosignature over the text alone."""
    old = cosignature.verify_cosignature

    def verify(text: str, signature: Any, key: Any) -> int:
        time, _ = parse_cosignature(signature)
        for guess in range(max(time - 2, 1), time + 3):
            blob = guess.to_bytes(8, "big") + signature.signature[8:]
            try:
                old(text, structs.replace(signature, signature=blob), key)
            except (VerificationError, OverflowError):
                continue
            return time
        raise VerificationError("mutant", code="ckp.cosignature")

    replace("sopro_protocol.cosignature", "verify_cosignature", verify)


@mutant("X06")
def longer_proofs_pass() -> None:
    old = merkle.check_inclusion

    def check(leaf: bytes, *, index: int, size: int, proof: Any, root: bytes) -> None:
        for end in range(len(proof), -1, -1):
            try:
                return old(leaf, index=index, size=size, proof=proof[:end], root=root)
            except VerificationError as error:
                problem = error
        raise problem

    replace("sopro_protocol.merkle", "check_inclusion", check)


@mutant("X07")
def any_order_of_signatures() -> None:
    replace("sopro_protocol.record", "_are_sorted", lambda _entry: True)


@mutant("X08")
def an_old_state_under_a_new_head() -> None:
    """Takes a log_state for the present wherever it stands."""
    replace("sopro_registry.certificate", "_check_state", lambda state, *_: state.read.body)


@mutant("X09")
def nobody_looks_at_the_leaf() -> None:
    replace("sopro_registry.certificate", "_check_leaf", lambda *_: None)


@mutant("X10")
def no_assessment_needed() -> None:
    module = import_module("sopro_registry.families.label_decision")
    module._check_assessment = lambda *_: b""  # type: ignore[attr-defined]


@mutant("X11")
def assessors_may_decide() -> None:
    from_where = import_module("sopro_registry.precondition")
    old = from_where.check_assessment

    def check(resting: Any, *rest: Any) -> None:
        try:
            old(resting, *rest)
        except RefusedError as error:
            if error.code != "ass.duties":
                raise

    replace("sopro_registry.precondition", "check_assessment", check)


@mutant("X12")
def suspended_members_go_on() -> None:
    from_where = import_module("sopro_registry.directory")
    from_where.Directory.endings = lambda *_: ()  # type: ignore[attr-defined]


@mutant("X14")
def goes_back_to_an_older_version() -> None:
    """Reads on in the version it knows, whatever stood before it."""
    ledger = import_module("sopro_registry.projection").Ledger
    old = ledger._judge_record

    def judge(self: Any, entry: Any, read: Any, *rest: Any, **how: Any) -> Any:
        row = self._tables.entity(read.record.entity)
        if row is not None:
            row.undetermined = False
        return old(self, entry, read, *rest, **how)

    ledger._judge_record = judge


def main() -> None:
    for module in MODULES:
        import_module(module)
    known = (*MUTANTS, *NETWORK)
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit(f"expected the name of a mutant: {', '.join(known)}")
    name = sys.argv[1]
    if name not in MUTANTS:
        program = (str(Path(__file__).with_name("served.py")), name)
        import_module("sopro_cli.candidate").SERVED_BY = program  # type: ignore[attr-defined]
    else:
        MUTANTS[name]()
    import_module("sopro_cli.adapter").adapter(args=[])


if __name__ == "__main__":
    main()
