"""The first lines of what the stand-in phone has, and how they begin."""

from __future__ import annotations

from tests.alerting.standin_signal import StandinSignal

CRITICAL = "🔴 CRITICAL home: problem"
RECOVERED = "✅ recovered: home: problem"


def titles(phone: StandinSignal) -> list[str]:
    return [sent.message.splitlines()[0] for sent in phone.sent]
