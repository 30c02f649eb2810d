"""The formats of SPEC.md, written a second time: nothing here is shared with the node."""
