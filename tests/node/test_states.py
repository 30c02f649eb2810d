"""What stands beside a state is not stored twice, and comes back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from sopro_node.store.states import pack_state, unpack_state
from sopro_registry.catalogue import decode_state, encode_state
from sopro_registry.label import Label

heads = st.binary(min_size=32, max_size=32)


@given(heads, heads)
def test_a_label_whose_last_decision_is_the_head_is_stored_without_it(
    head: bytes, other: bytes
) -> None:
    label = Label(head, "SOPRO/AT0/001/00001", bytes(16), "sopro", 0, [])
    state = encode_state(label)
    packed = pack_state(state, head)
    assert len(packed) == len(state) - 32
    assert decode_state("label_decision", unpack_state(packed, head)) == label
    # A later entry on it may be void: then the last decision is another one.
    if other != head:
        assert pack_state(state, other) == state == unpack_state(state, other)


@given(st.binary(max_size=80).filter(lambda data: data[1:3] != b"\xc4\x00"), heads)
def test_any_other_state_stays_as_it_is(state: bytes, head: bytes) -> None:
    assert unpack_state(pack_state(state, head), head) == state
