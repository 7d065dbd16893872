"""One module for each outside thing; all I/O is here."""
