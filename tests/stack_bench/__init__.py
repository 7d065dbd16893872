"""``make bench-stack``: how the stack as shipped behaves on two Docker Engines, in figures."""
