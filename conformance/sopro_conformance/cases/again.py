"""The last part of LOG-10: an entry that is handed over again lies where it lay (EXCH-15)."""

from sopro_conformance.case import NotMeasured
from sopro_conformance.trial import Trial
from sopro_conformance.wire.codec import decode, encode
from sopro_conformance.wire.records import entry_id
from sopro_conformance.world.client import Client


async def handed_over_again(trial: Trial, client: Client) -> None:
    """Hand over an entry that the log holds, as it is and changed, before and after a kill.

    It is entry 0: the record of the site's keys, which its root key has signed, wherever that is.
    """
    head = await client.read()
    first = client.entries[0]
    spoilt = _spoil(first)
    for when in ("", ", after a kill"):
        if when:
            await trial.scene.ask("kill9")
            await trial.scene.ask("start")
        answer = await trial.candidate.ask("append", entries=[first])
        found = (answer.ok or {}).get("indexes")
        trial.check(
            f"the bytes of entry 0 once more{when}",
            holds=found == [0],
            expected="indexes [0]",
            answer=answer,
        )
    answer = await trial.candidate.ask("append", entries=[spoilt])
    trial.check(
        "the same with one bit of its signature changed",
        holds=answer.code == "sig.invalid",
        expected="refused sig.invalid",
        answer=answer,
    )
    await client.read()
    more = [entry_id(one) for one in client.entries[head.size :]]
    wrong = {entry_id(first), entry_id(spoilt)}
    trial.check(
        "the log after that",
        holds=not wrong & set(more),
        expected="neither of them at its end",
        actual="appended" if wrong & set(more) else "as expected",
    )


def _spoil(entry: bytes) -> bytes:
    """Change the last bit of an entry's first signature.

    Raises:
        NotMeasured: it has none.
    """
    try:
        record, [[key, signature], *more] = decode(entry)
        changed = signature[:-1] + bytes([signature[-1] ^ 1])
        return encode([record, [[key, changed], *more]])
    except (ValueError, TypeError, IndexError) as error:
        raise NotMeasured(f"entry 0 cannot be read: {error}") from None
