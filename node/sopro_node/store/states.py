"""How states lie in the database: what stands beside them is not stored twice.

A label's state begins with the id of its last decision, which is nearly always the head of its
entity, 32 bytes that no compression makes smaller. Where it is, it is left out; no state begins
with an empty string of bytes otherwise.
"""

from typing import Final

_HEAD: Final = b"\xc4\x20"
"""How 32 bytes begin in msgpack, behind the first byte, which says how many fields there are."""
_NONE: Final = b"\xc4\x00"
_END: Final = 1 + len(_HEAD) + 32


def pack_state(state: bytes, head: bytes) -> bytes:
    """Leave out the head of its entity where a state begins with it."""
    if state[3:_END] == head and state[1:3] == _HEAD:
        return state[:1] + _NONE + state[_END:]
    return state


def unpack_state(state: bytes, head: bytes) -> bytes:
    """Return a state as it was before it was packed."""
    if state[1:3] == _NONE:
        return state[:1] + _HEAD + head + state[3:]
    return state
