"""``python -m tests.lab.demo_picture``: draw the last demo, ``build/demo.json``, as docs/images/demo.svg.

A moving picture of SVG and CSS alone, so that a page of a forge may show it: no script, nothing fetched. Each failure
is played slowly. Whoever wants no movement, and whatever cannot move it, shows the end, which has every figure.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from dashboards.style import PRIMARY, SECONDARY
from exporter.engine.files import write_atomically

from .plan import BUILD

RESULT: Final = BUILD / "demo.json"
PICTURE: Final = BUILD.parent / "docs" / "images" / "demo.svg"

# Seconds of the picture: before a failure is played, while it is, a whole scene, and the end, which shows all of them.
_LEAD, _PLAY, _SCENE, _END = 0.4, 4.2, 5.8, 4.0
# Seconds of the demo that are played, before the event and after it.
_BEFORE, _AFTER = 0.4, 1.0

_WIDTH, _TOP, _ROW = 900, 214, 48
_STRIP_X, _STRIP_WIDTH = 344, 266
_ALPHA_X, _STEP = 444, 232

_STYLE: Final = f"""
svg {{ --alpha:{PRIMARY}; --beta:{SECONDARY}; --lost:#cc3d47 }}
svg {{ --page:#fff; --ink:#1f2328; --dim:#59636e; --line:#d1d9e0 }}
@media (prefers-color-scheme: dark) {{
  svg {{ --page:#0d1117; --ink:#e6edf3; --dim:#9198a1; --line:#3d444d; --lost:#f0616b }}
}}
text {{ font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; fill: var(--ink) }}
.dim {{ fill: var(--dim); font-size: 12px }}
.big {{ font-size: 15px; font-weight: 600 }}
.mid {{ text-anchor: middle }}
.on {{ fill: #fff; font-weight: 600 }}
.page {{ fill: var(--page) }}
.vip {{ fill: var(--ink) }}
.in {{ fill: var(--page); font-weight: 600 }}
.box {{ fill: none; stroke: var(--line); stroke-width: 1.5 }}
.alpha {{ fill: var(--alpha) }}
.beta {{ fill: var(--beta) }}
.lost {{ fill: var(--lost) }}
.way {{ stroke: var(--dim); stroke-width: 2; stroke-dasharray: 5 5 }}
.then {{ stroke: var(--ink); stroke-dasharray: 2 3 }}
.cover, .only {{ opacity: 0 }}
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One failure, as the demo's file has it; times in seconds since the event."""

    name: str
    headline: str
    outage: float
    queries: int
    lost: int
    told_after: float
    answers: tuple[tuple[float, float, str | None], ...]

    @property
    def moved(self) -> float:
        """When the other node first answered."""
        return next((start for start, _, node in self.answers if node == "beta"), _AFTER)


def read(document: dict[str, Any]) -> list[Scene]:
    """Read the scenes of a demo.

    Raises:
        ValueError: there is none, or one did not end well: that is no picture to show.
    """
    scenes = []
    for told in document.get("scenarios", ()):
        if not told["recovered"] or told["exporter_detect_seconds"] is None:
            msg = f"{told['name']} did not recover, or no exporter told of it: run make cast again, on an idle machine"
            raise ValueError(msg)
        answers = tuple((start, end, node) for start, end, node in told["answers"])
        scenes.append(
            Scene(told["name"], told["headline"], told["outage_seconds"], told["queries"], told["queries_lost"],
                  told["exporter_detect_seconds"], answers)
        )  # fmt: skip
    if not scenes:
        msg = "the demo's file has no failure in it: run make cast"
        raise ValueError(msg)
    return scenes


class _Clock:
    """The picture's time: from a scene's seconds to percent of the whole."""

    def __init__(self, count: int) -> None:
        self.seconds = count * _SCENE + _END

    def at(self, scene: int, event_seconds: float | None = None, *, picture_seconds: float = 0.0) -> float:
        """A moment of a scene: seconds since its event, or seconds of the picture since its begin."""
        since = picture_seconds
        if event_seconds is not None:
            shown = min(max(event_seconds, -_BEFORE), _AFTER)
            since = _LEAD + (shown + _BEFORE) / (_BEFORE + _AFTER) * _PLAY
        return 100 * (scene * _SCENE + since) / self.seconds


def _keyframes(name: str, frames: Sequence[tuple[float, str]]) -> str:
    """One animation: each value holds from its time on, in percent, until the next one's."""
    steps, held = [], frames[0][1]
    for at, value in frames:
        if at > 0:
            steps.append(f"{max(at - 0.01, 0):.2f}% {{ {held} }}")
        steps.append(f"{at:.2f}% {{ {value} }}")
        held = value
    return f"@keyframes {name} {{ {' '.join(steps)} 100% {{ {held} }} }}"


def _animations(scenes: Sequence[Scene], clock: _Clock) -> Iterator[str]:
    shown, hidden = "opacity: 1", "opacity: 0"
    vip, down, at_alpha, at_beta = [(0.0, "transform: none")], [(0.0, hidden)], [(0.0, shown)], [(0.0, hidden)]
    for number, scene in enumerate(scenes):
        begin = clock.at(number)
        back = clock.at(number, picture_seconds=_SCENE - 0.7)
        event, moved = clock.at(number, 0.0), clock.at(number, scene.moved)
        vip += [(moved, f"transform: translateX({_STEP}px)"), (back, "transform: none")]
        down += [(event, shown), (back, hidden)]
        lost = next((start for start, _, node in scene.answers if node is None and start >= -0.1), scene.moved)
        at_alpha += [(min(clock.at(number, lost), moved), hidden), (back, shown)]
        at_beta += [(moved, shown), (back, hidden)]
        played = clock.at(number, _AFTER)
        start = clock.at(number, -_BEFORE)
        yield (
            f"@keyframes cover{number} {{ 0%, {start:.2f}% {{ opacity: 1; transform: none }} "
            f"{played:.2f}%, 100% {{ opacity: 1; transform: translateX({_STRIP_WIDTH}px) scaleX(0) }} }}"
        )
        yield _keyframes(f"told{number}", [(0.0, hidden), (played, shown)])
        yield _keyframes(f"row{number}", [(0.0, "opacity: .35"), (begin, shown)] if begin else [(0.0, shown)])
        yield _keyframes(f"head{number}", [(0.0, hidden), (event, shown), (back, hidden)])
        for part in ("cover", "told", "row", "head"):
            timing = "linear" if part == "cover" else "step-end"
            yield f"#{part}{number} {{ animation: {part}{number} {clock.seconds:g}s {timing} infinite }}"
    for name, frames in (("vip", vip), ("down", down), ("at-alpha", at_alpha), ("at-beta", at_beta)):
        yield _keyframes(name, frames)
        yield f"#{name} {{ animation: {name} {clock.seconds:g}s linear infinite }}"
    yield "@media (prefers-reduced-motion: reduce) { * { animation: none !important } }"


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{named}>{escape(words)}</text>'


def _pair(document: dict[str, Any], scenes: Sequence[Scene]) -> Iterator[str]:
    """The client, the two nodes, and the virtual IP on one of them."""
    yield '<rect class="box" x="24" y="70" width="176" height="64" rx="8"/>'
    yield _text(112, 97, "a client", "mid big")
    yield _text(112, 117, "a question every 10 ms", "mid dim")
    yield f'<g id="at-alpha"><line class="way" x1="200" y1="102" x2="{_ALPHA_X}" y2="102"/></g>'
    over = (
        '<line class="way" x1="200" y1="102" x2="300" y2="102"/><line class="way" x1="300" y1="102" x2="300" y2="52"/>'
    )
    over += f'<line class="way" x1="300" y1="52" x2="{_ALPHA_X + _STEP + 100}" y2="52"/>'
    over += f'<line class="way" x1="{_ALPHA_X + _STEP + 100}" y1="52" x2="{_ALPHA_X + _STEP + 100}" y2="66"/>'
    yield f'<g id="at-beta" class="only">{over}</g>'
    for number, node in enumerate(("alpha", "beta")):
        x = _ALPHA_X + number * _STEP
        yield f'<rect class="box" x="{x}" y="66" width="200" height="92" rx="8"/>'
        yield f'<circle class="{node}" cx="{x + 20}" cy="86" r="6"/>'
        yield _text(x + 34, 91, node, "big")
        yield _text(x + 16, 112, "DNS · keepalived · exporter", "dim")
    yield f'<g id="down" class="only"><rect class="lost" x="{_ALPHA_X + 118}" y="75" width="70" height="22" rx="11"/>'
    yield _text(_ALPHA_X + 153, 90, "failure", "mid on") + "</g>"
    yield f'<g id="vip"><rect class="vip" x="{_ALPHA_X + 16}" y="124" width="168" height="26" rx="13"/>'
    yield _text(_ALPHA_X + 100, 142, f"VIP {document['vip']}", "mid in") + "</g>"
    for number, scene in enumerate(scenes):
        yield f'<g id="head{number}" class="only">{_text(_ALPHA_X, 184, scene.headline, "dim")}</g>'


def _row(number: int, scene: Scene) -> Iterator[str]:
    """What one failure was, who answered when, and the figures."""
    y = _TOP + number * _ROW
    scale = _STRIP_WIDTH / (_BEFORE + _AFTER)
    yield f'<g id="row{number}">' + _text(24, y + 14, scene.name, "big")
    yield _text(24, y + 31, re.split("[,;]", scene.headline)[0], "dim") + "</g>"
    for start, end, node in scene.answers:
        left, right = max(start, -_BEFORE), min(end, _AFTER)
        if right > left:
            x = _STRIP_X + (left + _BEFORE) * scale
            size = f'width="{(right - left) * scale:.1f}" height="24"'
            yield f'<rect class="{node or "lost"}" x="{x:.1f}" y="{y}" {size}/>'
    yield (
        f'<rect id="cover{number}" class="page cover" x="{_STRIP_X - 1}" y="{y - 1}" width="{_STRIP_WIDTH + 2}" '
        f'height="26" style="transform-origin: {_STRIP_X}px 0"/>'
    )
    answered = f"{scene.outage:.2f} s without an answer" if scene.lost else "nothing lost"
    yield f'<g id="told{number}">' + _text(_STRIP_X + _STRIP_WIDTH + 16, y + 11, answered, "big")
    lost = f"{scene.lost} of {scene.queries} questions lost, " if scene.lost else ""
    yield _text(_STRIP_X + _STRIP_WIDTH + 16, y + 28, f"{lost}told after {scene.told_after:.2f} s", "dim") + "</g>"


def _legend(bottom: int) -> Iterator[str]:
    """Whose colour is whose."""
    for offset, kind, words in ((6, "alpha", "alpha answers"), (116, "lost", "nobody"), (186, "beta", "beta answers")):
        yield f'<circle class="{kind}" cx="{_STRIP_X + offset}" cy="{bottom + 3}" r="5"/>'
        yield _text(_STRIP_X + offset + 10, bottom + 7, words, "dim")


def draw(document: dict[str, Any]) -> str:
    """Draw what ``build/demo.json`` holds.

    Raises:
        ValueError: see :func:`read`.
    """
    scenes = read(document)
    clock = _Clock(len(scenes))
    bottom = _TOP + len(scenes) * _ROW
    event_x = _STRIP_X + _BEFORE * _STRIP_WIDTH / (_BEFORE + _AFTER)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 44}" role="img">',
        "<title>A real pair fails over, again and again, while a client asks</title>",
        f"<style>{_STYLE}{chr(10).join(_animations(scenes, clock))}\n</style>",
        f'<rect class="page" width="{_WIDTH}" height="{bottom + 44}" rx="10"/>',
        _text(24, 34, "make demo: a real pair, in network namespaces of one machine", "big"),
        *_pair(document, scenes),
        *(part for number, scene in enumerate(scenes) for part in _row(number, scene)),
        f'<line class="then" x1="{event_x:g}" y1="{_TOP - 8}" x2="{event_x:g}" y2="{bottom - 14}"/>',
        *_legend(bottom),
        _text(24, bottom + 30, f"{document['measured']}; played at a third of its speed", "dim"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main(result: Path = RESULT, picture: Path = PICTURE) -> int:
    """Draw; 1 when there is nothing that could be shown."""
    try:
        svg = draw(json.loads(result.read_text("utf-8")))
    except FileNotFoundError:
        print(f"cast: there is no {result.name}: run make cast, which runs the demo first", file=sys.stderr)
        return 1
    except (KeyError, ValueError) as error:
        print(f"cast: {result.name}: {error}", file=sys.stderr)
        return 1
    write_atomically(picture, svg.encode())
    print(f"cast: {picture.name} drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main())
