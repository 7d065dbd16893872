"""Measurements: what the exporter costs and how fast the pair fails over; ``make bench`` runs them."""
