"""Decide what to tell, and when: on change and every minute; of the pair one node alone tells.

The primary tells of the pair. The secondary does while the primary says that it does not, by its last will too, or has
said nothing for so long that Home Assistant does not believe it any more. So nobody contradicts anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from stack.homeassistant import discovery
from stack.homeassistant.discovery import EXPIRY_SECONDS, OFFLINE, ONLINE, PAIR, REPEAT_SECONDS, Topics
from stack.homeassistant.status import Look, State

# An exporter that is started anew answers sooner.
SILENT_SECONDS: Final = 10.0
# How long a secondary listens to the primary before it speaks in its place.
LISTEN_SECONDS: Final = 3.0
# When the primary comes back, the last word of the secondary may be under way yet: everything is told once more.
SETTLE_SECONDS: Final = 5.0

Publish = Callable[[str, bytes], None]
_Document = dict[str, Any]


class Publisher:
    """What one connection tells. Times are seconds by a clock that never steps."""

    def __init__(self, topics: Topics, role: str, urls: Mapping[str, str], publish: Publish, now: float) -> None:
        """Begin; ``urls`` leads to the status page of each device, by ``pair`` and the role."""
        self._topics = topics
        self._role = role
        self._urls = urls
        self._publish = publish
        self._began = now
        self._seen = now  # when the exporter last answered
        self._availability: str | None = None
        self._primary: float | None = None  # when it last said that it tells
        self._leads = False
        self._repeat = now + SETTLE_SECONDS
        self._told: dict[str, tuple[object, ...]] = {}

    @staticmethod
    def listens_to(topics: Topics, role: str) -> str | None:
        """What a node of this role has to hear."""
        return topics.availability("primary") if role == "secondary" else None

    def heard(self, payload: bytes, now: float) -> None:
        """Note what was said of the primary."""
        self._primary = now if payload == ONLINE.encode() else None

    def tell(self, look: Look, now: float) -> None:
        """Tell what has changed, or everything if it is time."""
        self._seen = now
        again = now >= self._repeat
        if again:
            self._repeat = now + REPEAT_SECONDS
        if self._availability != ONLINE:
            self._publish(
                self._topics.discovery(self._role),
                discovery.node_discovery(self._topics, look, self._urls[self._role]),
            )
        self._state(self._role, discovery.node_state(look), look.node_state, again=again)
        if again or self._availability != ONLINE:
            self._say(ONLINE)
        leads = self._is_to_lead(now)
        if leads and not self._leads:
            self._publish(self._topics.discovery(PAIR), discovery.pair_discovery(self._topics, look, self._urls[PAIR]))
        if leads:
            self._state(PAIR, discovery.pair_state(look), look.pair_state, again=again or not self._leads)
        self._leads = leads

    def tell_nothing(self, now: float) -> None:
        """The exporter did not answer: what was told is not known to be true for long."""
        if now - self._seen >= SILENT_SECONDS and self._availability != OFFLINE:
            self.end()

    def end(self) -> None:
        """Say that nobody tells of this node now."""
        self._leads = False
        self._say(OFFLINE)

    def _say(self, availability: str) -> None:
        self._availability = availability
        self._publish(self._topics.availability(self._role), availability.encode())

    def _is_to_lead(self, now: float) -> bool:
        if self._role != "secondary":
            return True
        if now - self._began < LISTEN_SECONDS:
            return False
        return self._primary is None or now - self._primary > EXPIRY_SECONDS

    def _state(self, device: str, document: _Document, state: State, *, again: bool) -> None:
        """Tell how a device is; that a text now tells another age is no change."""
        without_texts = {name: value for name, value in document.items() if name != "problems"}
        told = (without_texts, replace(state, problems=()), tuple(problem.check for problem in state.problems))
        if again or self._told.get(device) != told:
            self._told[device] = told
            self._publish(self._topics.state(device), discovery.encode(document))


def remove(topics: Topics, role: str, publish: Publish) -> None:
    """Take the pair out of Home Assistant: an empty payload forgets what the broker keeps."""
    for device in (*topics.devices(role), PAIR):
        publish(topics.discovery(device), b"")
        publish(topics.state(device), b"")
        publish(topics.availability(device), b"")
