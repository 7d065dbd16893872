"""Floods from a stranger's host against the exporter and the notifier; ``make bench-hostile`` measures under them."""
