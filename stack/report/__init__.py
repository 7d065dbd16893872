"""A support bundle without secrets, made on the Python of the host: the standard library alone."""
