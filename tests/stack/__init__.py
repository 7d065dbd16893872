"""The stack as shipped, on two real Docker Engines with a network namespace each."""
