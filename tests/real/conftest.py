"""What the importer's own tests have: a federation in a folder, an office that listens."""

from tests.node.conftest import federation
from tests.node.importing.conftest import office, told

__all__ = ["federation", "office", "told"]
