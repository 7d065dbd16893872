"""What every page for people has: readable on a phone, light or dark, without a script and without anything loaded."""

from __future__ import annotations

from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")


def document(title: str, body: str, *, refresh: int | None = None) -> str:
    """Return a page; ``title`` is text, ``body`` is HTML, ``refresh`` is in seconds."""
    again = f'<meta http-equiv="refresh" content="{refresh}">\n' if refresh else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{again}<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""
