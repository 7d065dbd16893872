"""The exporter's settings: a table, the values, and how they are read."""
