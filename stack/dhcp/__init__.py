"""DHCP that moves with the virtual IP: a dnsmasq of its own on the node that has it, and the leases on both."""
