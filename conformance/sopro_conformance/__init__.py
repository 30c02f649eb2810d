"""The black-box conformance suite; shares no code with the node."""

__version__ = "0.1.0"
"""As in conformance/pyproject.toml."""
