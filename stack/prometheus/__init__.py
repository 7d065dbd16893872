"""Prometheus on a node: one configuration, and what of it follows from .env."""
