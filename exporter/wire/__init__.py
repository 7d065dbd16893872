"""Packets of the LAN: sockets and their filters, ARP, neighbour discovery, IP and VRRP."""
