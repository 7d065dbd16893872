"""Forms in which an observation is shown; none of them talks to a source."""
