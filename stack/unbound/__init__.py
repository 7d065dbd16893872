"""Unbound of the node: its configuration, and what decides which drop-in files count."""
