"""The black-box conformance suite; shares no code with the node."""
