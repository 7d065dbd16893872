"""Fuzzing: every parser on mutated real input."""
