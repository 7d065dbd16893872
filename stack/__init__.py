"""What runs on a node beside Pi-hole."""
