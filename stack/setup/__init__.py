"""Setup of a node by questions, on the Python of a bare Debian or Raspberry Pi OS: the standard library alone."""
