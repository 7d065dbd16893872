"""Restore a whole node on the Python of a bare host: the standard library and openssl alone."""
