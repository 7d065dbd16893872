"""What the LAN says against this node: other devices with its virtual IPs, and VRRP that is not the pair's."""
