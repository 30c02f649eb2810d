"""Verifying everything a node holds or serves, by code that asks nothing of the running node."""
