"""Continuous DNS probes: the collector, its history and its histogram."""
