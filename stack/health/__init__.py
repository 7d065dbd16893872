"""The node's health check: asks this node's DNS ten times a second, beside keepalived, and tells it by track files."""
