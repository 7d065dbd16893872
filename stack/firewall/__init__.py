"""The stack's own table of nftables: who may reach which of its ports. DNS, SSH and ping are never filtered."""
