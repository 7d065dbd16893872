"""Measurements of the alerts: how soon a phone is told, how often wrongly, and what a fleet costs."""
