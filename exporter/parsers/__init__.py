"""Pure functions from what a source said to what it means."""
