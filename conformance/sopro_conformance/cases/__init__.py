"""The cases, a module for each group of the catalogue."""
