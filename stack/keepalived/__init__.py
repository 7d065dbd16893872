"""Keepalived on a node: one configuration, rendered, checked, started and recorded."""
