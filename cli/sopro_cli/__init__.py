"""The `sopro` command."""
