"""The guard: takes the virtual IPs off this node when keepalived died without doing so itself."""
