"""The colours of states: readable, on light and on dark, and told apart by people who do not see all colours."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboards import style

Vector = NDArray[np.float64]
Matrix = tuple[tuple[float, float, float], ...]

COLORS = {"good": style.GOOD, "warning": style.WARNING, "critical": style.CRITICAL, "unknown": style.UNKNOWN}
# Backgrounds of panels in Grafana's light and dark themes.
LIGHT, DARK = "#ffffff", "#181b1f"
# On linear RGB, whole deficiency; Machado, Oliveira and Fernandes, 2009, table of matrices for severity 1.0.
EYES: dict[str, Matrix] = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
# sRGB to CIE XYZ, each part of white being 1 (IEC 61966-2-1, D65).
TO_XYZ = np.array(
    [[0.43396, 0.37622, 0.18991], [0.21267, 0.71516, 0.07217], [0.01776, 0.10947, 0.87277]], dtype=np.float64
)


def linear(color: str) -> Vector:
    channels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    dark, light = sorted(float(linear(color) @ (0.2126, 0.7152, 0.0722)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(color: Vector) -> Vector:
    """CIE 1976 L*a*b*, in which distances are as large as people see them."""
    parts = TO_XYZ @ np.clip(color, 0, 1)
    x, y, z = np.where(parts > (6 / 29) ** 3, np.cbrt(parts), parts / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str, eyes: str) -> float:
    seen = np.array(EYES[eyes])
    return float(np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))))


@pytest.mark.parametrize("name", COLORS)
def test_white_words_are_readable_on_each_colour_which_stands_out_in_both_themes(name: str) -> None:
    assert contrast(COLORS[name], "#ffffff") >= 4.5
    assert contrast(COLORS[name], LIGHT) >= 3
    assert contrast(COLORS[name], DARK) >= 3


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("pair", list(itertools.combinations(COLORS, 2)), ids=" and ".join)
def test_two_states_are_told_apart_by_everybody(pair: tuple[str, str], eyes: str) -> None:
    one, other = pair
    assert distance(COLORS[one], COLORS[other], eyes) > 20


def test_good_and_critical_are_the_farthest_apart() -> None:
    assert min(distance(style.GOOD, style.CRITICAL, eyes) for eyes in EYES) > 50


def test_red_and_green_would_not_have_passed() -> None:
    assert distance("#7a7a00", "#a85c00", "deuteranopia") < 20
    assert distance("#1f6fb4", "#8e3bb0", "deuteranopia") < 5
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
