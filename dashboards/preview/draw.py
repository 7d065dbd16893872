"""Drawing panels, each kind by its own function."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, NullLocator

from dashboards import style
from dashboards.preview.data import Line, lines, rows, spans
from dashboards.preview.replay import STEP, Replay
from dashboards.preview.values import mapped, seconds, threshold_color, with_unit

mpl.use("agg")

INK: Final = "#24292e"
FAINT: Final = "#8a9199"
GRID: Final = "#e4e7ea"
# Okabe and Ito's colours, which nobody confuses; yellow is left out, since it vanishes on white.
LINES: Final = ("#0072b2", "#e69f00", "#8e3bb0", "#56b4e9", "#d55e00", "#009e73", "#6b7280", "#24292e")
SMALL: Final = 7.5
_LEGEND_LINES: Final = 2  # below a panel there is no room for more
_LETTER: Final = 6.5  # pixels, on average, in small words

Drawer = Callable[[Axes, dict[str, Any], Replay], None]


def draw(axes: Axes, panel: dict[str, Any], replay: Replay) -> None:
    """Draw a panel with its title."""
    DRAWERS[panel["type"]](axes, panel, replay)


def _defaults(panel: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = panel["fieldConfig"]["defaults"]
    return found


def _blank(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_axis_off()


def _nothing(axes: Axes, panel: dict[str, Any]) -> None:
    _blank(axes)
    axes.text(0.5, 0.5, _defaults(panel).get("noValue", "no data"), ha="center", va="center", color=FAINT, fontsize=9)


def _stat(axes: Axes, panel: dict[str, Any], replay: Replay) -> None:
    _blank(axes)
    defaults, mode = _defaults(panel), panel["options"]["textMode"]
    found = lines(replay, panel)
    tiles = found or [Line("", ((replay.end, math.nan),))]
    for index, line in enumerate(tiles):
        value = line.samples[-1][1]
        text, color = mapped(value, defaults["mappings"]) or (
            with_unit(value, defaults["unit"], replay.end, defaults.get("decimals")) if found else defaults["noValue"],
            threshold_color(value, defaults["thresholds"]["steps"]),
        )
        width = 1 / len(tiles)
        left = index * width
        axes.add_patch(
            FancyBboxPatch(
                (left + 0.01, 0.02), width - 0.02, 0.96, boxstyle="round,pad=0,rounding_size=0.03", color=color, lw=0
            )
        )
        shown = line.legend if mode == "name" else text
        name = line.legend if mode == "value_and_name" and found else ""
        room = width * axes.get_window_extent().width
        size = min(15.0, room / max(len(shown), 4) * 1.05)
        white: dict[str, Any] = {"ha": "center", "va": "center", "color": "white"}
        middle = left + width / 2
        axes.text(middle, 0.42 if name else 0.5, shown, fontsize=size, fontweight="bold", **white)
        axes.text(middle, 0.8, name, fontsize=min(9.0, room / max(len(name), 4) * 1.1), **white)


def _time_axis(axes: Axes, replay: Replay) -> None:
    axes.set_xlim(replay.start, replay.end)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda t, _: datetime.fromtimestamp(t, UTC).strftime("%H:%M:%S")))
    axes.tick_params(labelsize=SMALL, colors=FAINT, length=0)
    axes.locator_params(axis="x", nbins=6)
    for side in axes.spines.values():
        side.set_visible(False)


def _time_series(axes: Axes, panel: dict[str, Any], replay: Replay) -> None:
    found = sorted(lines(replay, panel), key=lambda line: -max(value for _, value in line.samples))
    if not found:
        _nothing(axes, panel)
        return
    defaults = _defaults(panel)
    custom = defaults["custom"]
    stacked = custom["stacking"]["mode"] == "normal"
    times = np.arange(replay.start, replay.end + 1, STEP)
    floor = np.zeros_like(times)
    for line, color in zip(found, itertools.cycle(LINES), strict=False):
        known = {round(time): value for time, value in line.samples}
        values = np.array([known.get(round(time), np.nan) for time in times])
        top = floor + np.nan_to_num(values)
        if custom["drawStyle"] == "bars":
            axes.bar(times, top - floor, STEP, floor, color=color, label=line.legend)
        elif stacked:
            axes.fill_between(times, floor, top, color=color, alpha=0.75, lw=0, label=line.legend)
        else:
            drawn = "steps-post" if custom["lineInterpolation"] == "stepAfter" else "default"
            axes.plot(times, values, color=color, lw=1.4, drawstyle=drawn, label=line.legend)
        floor = top if stacked else floor
    steps = defaults["thresholds"]["steps"]
    if custom["thresholdsStyle"]["mode"] != "off":
        axes.axhline(steps[-1]["value"], color=steps[-1]["color"], lw=1, ls="--")
    if custom["scaleDistribution"]["type"] == "log":
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
    if defaults.get("min") is not None:
        axes.set_ylim(bottom=defaults["min"], top=defaults.get("max"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: with_unit(y, defaults["unit"], replay.end, None)))
    axes.grid(axis="y", color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    _time_axis(axes, replay)
    handles, labels = axes.get_legend_handles_labels()
    columns = max(1, int(axes.get_window_extent().width / (_LETTER * (max(map(len, labels)) + 6))))
    most = _LEGEND_LINES * columns
    axes.legend(handles[:most], labels[:most], loc="upper left", bbox_to_anchor=(-0.02, -0.11),
                ncols=columns,
                fontsize=SMALL, frameon=False, labelcolor=INK,
                handlelength=1.2, borderaxespad=0, columnspacing=1.2)  # fmt: skip


def _state_timeline(axes: Axes, panel: dict[str, Any], replay: Replay) -> None:
    found = sorted(lines(replay, panel), key=lambda line: line.legend, reverse=True)
    if not found:
        _nothing(axes, panel)
        return
    mappings = _defaults(panel)["mappings"]
    for index, line in enumerate(found):
        for begin, end, value in spans(line.samples, STEP):
            text, color = mapped(value, mappings) or (f"{value:g}", "#6b7280")
            axes.broken_barh([(begin, end - begin)], (index - 0.4, 0.8), color=color, alpha=0.9, lw=0)
            if (end - begin) / (replay.end - replay.start) * axes.get_window_extent().width > _LETTER * (len(text) + 1):
                axes.text(begin + 1, index, text, va="center", color="white", fontsize=SMALL, clip_on=True)
    axes.set_yticks(range(len(found)), [line.legend for line in found])
    axes.set_ylim(-0.6, len(found) - 0.4)
    _time_axis(axes, replay)
    axes.tick_params(axis="y", labelsize=SMALL if len(found) < 12 else 6.5, labelcolor=INK)


def _heatmap(axes: Axes, panel: dict[str, Any], replay: Replay) -> None:
    found = [line for line in lines(replay, panel) if line.legend != "+Inf"]
    found.sort(key=lambda line: float(line.legend))
    times = np.arange(replay.start, replay.end + 1, STEP)
    counts = np.array([[dict(line.samples).get(time, 0.0) for time in times] for line in found])
    buckets = np.diff(counts, axis=0, prepend=0)
    edges = np.arange(len(found) + 1)
    axes.pcolormesh(
        np.append(times, times[-1] + STEP), edges, np.ma.masked_less_equal(np.sqrt(np.maximum(buckets, 0)), 0),
        cmap="Blues", edgecolors="white", linewidth=0.4, vmin=-1,
    )  # fmt: skip
    axes.set_yticks(edges[1:], [seconds(float(line.legend)) for line in found])
    _time_axis(axes, replay)


def _table(axes: Axes, panel: dict[str, Any], replay: Replay) -> None:
    found = rows(replay, panel)
    if not found:
        _nothing(axes, panel)
        return
    _blank(axes)
    columns = [
        (each["matcher"]["options"], {one["id"]: one["value"] for one in each["properties"]})
        for each in panel["fieldConfig"]["overrides"]
    ]
    (order,) = panel["options"]["sortBy"]
    (sort_field,) = (field for field, shown in columns if shown["displayName"] == order["displayName"])
    found.sort(key=lambda row: row.get(sort_field, ""), reverse=order["desc"])
    pixels = axes.get_window_extent().height
    line = 17 / pixels * (axes.figure.dpi / 100) if pixels else 0.1
    nothing = _defaults(panel)["noValue"]
    cells = [[_cell(row.get(field), shown, nothing, replay) for row in found] for field, shown in columns]
    longest = [
        max(len(shown["displayName"]), *(len(text) for text, _ in column)) + 3
        for (_, shown), column in zip(columns, cells, strict=True)
    ]
    edges = [sum(longest[:number]) / sum(longest) for number in range(len(longest) + 1)]
    for (_, shown), column, left, right in zip(columns, cells, edges, edges[1:], strict=False):
        axes.text(left, 1, shown["displayName"], va="top", color=FAINT, fontsize=SMALL, fontweight="bold")
        for index, (text, color) in enumerate(column[: int(1 / line) - 1]):
            top = 1 - line * (index + 1.1)
            if color:
                size = (right - left - 0.01, line * 0.9)
                box = FancyBboxPatch(
                    (left - 0.004, top - 0.82 * line), *size, boxstyle="square,pad=0", color=color, lw=0
                )
                axes.add_patch(box)
            axes.text(left, top, text, va="top", color="white" if color else INK, fontsize=SMALL + 0.5, clip_on=True)


def _cell(value: float | str | None, shown: dict[str, Any], nothing: str, replay: Replay) -> tuple[str, str | None]:
    if value is None:
        return nothing, style.UNKNOWN if "mappings" in shown else None
    if word := mapped(value, shown.get("mappings", ())):
        return word
    return (value if isinstance(value, str) else with_unit(value, shown.get("unit", "none"), replay.end)), None


DRAWERS: Final[dict[str, Drawer]] = {
    "stat": _stat,
    "timeseries": _time_series,
    "state-timeline": _state_timeline,
    "heatmap": _heatmap,
    "table": _table,
}
