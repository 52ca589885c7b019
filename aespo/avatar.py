"""The avatar of a workspace, made of its name: an island, drawn as a chart draws land, in lines of one height."""

from __future__ import annotations

import cmath
import hashlib
import math
from functools import lru_cache
from itertools import pairwise

_POINTS = 18
_SIZES = (1.0, 0.80, 0.60, 0.40, 0.21)
_RADIUS = 36.5
_CENTRE = complex(50, 50)


@lru_cache(maxsize=1024)
def contours(name: str) -> tuple[str, ...]:
    """SVG path data for a view box of 100 by 100, from the shore to the top. The same name has the same island."""
    seed = [byte / 255 for byte in hashlib.sha256(name.encode()).digest()]
    return tuple(_line(seed, size) for size in _SIZES)


def _line(seed: list[float], size: float) -> str:
    """One closed line. The smaller, the rounder, and the nearer to the top, which lies off the centre."""
    middle = _CENTRE + complex(seed[0] - 0.5, seed[1] - 0.5) * 16 * (1 - size)
    waves = [(k, 0.17 * seed[k] / (k - 1), math.tau * seed[k + 8]) for k in (2, 3, 4, 5)]

    def shore(angle: float) -> complex:
        wave = sum(height * math.cos(k * angle + phase) for k, height, phase in waves)
        return middle + cmath.rect(_RADIUS * size * (1 + wave * (0.45 + 0.55 * size)), angle)

    return _smooth([shore(step * math.tau / _POINTS) for step in range(_POINTS)])


def _smooth(points: list[complex]) -> str:
    """A closed curve through the middles between neighbours, each point pulling it."""
    middles = [(a + b) / 2 for a, b in pairwise([*points, points[0]])]
    arcs = (f"Q{_pair(point)} {_pair(middle)}" for point, middle in zip(points, middles, strict=True))
    return f"M{_pair(middles[-1])}{''.join(arcs)}Z"


def _pair(point: complex) -> str:
    return f"{point.real:.1f} {point.imag:.1f}"
