"""Preflight: what breaks real installations, looked for before anything is started."""
