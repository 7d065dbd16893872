"""The project's own container images: one Dockerfile with a target for each, and the programs that start them."""
