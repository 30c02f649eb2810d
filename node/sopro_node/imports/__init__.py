"""Imports that a serving node does for its officers, each in a process of its own."""
