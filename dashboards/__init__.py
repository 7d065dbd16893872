"""Grafana dashboards: sources in layers, and what ``python -m dashboards.generate`` makes of them."""
