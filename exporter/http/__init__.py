"""The HTTP server that the exporter and the notifier share."""
