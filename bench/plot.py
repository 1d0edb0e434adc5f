"""Bars beside each other, as SVG: of each quantity one for each system, with the range of its rounds."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.results import ALERTMANAGER, BARE, NAIVE, OURS, Result, Row
from bench.stats import Spread

COLORS = {OURS: "#1f6feb", BARE: "#8b949e", NAIVE: "#d29922", ALERTMANAGER: "#a371f7"}
LEFT, WIDTH, RIGHT = 250, 520, 190
BAR, GAP, HEAD, FOOT = 15, 16, 60, 46
WIDE = 30.0
"""From this ratio between the longest and the shortest bar on, the axis is logarithmic."""


def plot(result: Result) -> str:
    """The SVG of all rows that have the unit of the first one."""
    rows = [row for row in result.rows if row.unit == result.rows[0].unit]
    axis = _Axis([each for row in rows for each in row.values.values()])
    parts, y = list[str](), HEAD
    for row in rows:
        parts += _group(row, y, axis)
        y += len(row.values) * BAR + GAP
    height = y + FOOT
    head = _text(12, 22, result.title, size=16, weight="bold") + _legend(rows)
    style = 'font-family="system-ui, sans-serif" fill="#24292f"'
    size = f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" width="{LEFT + WIDTH + RIGHT}" height="{height}"'
    frame = '<rect width="100%" height="100%" fill="#ffffff"/>'
    content = "\n".join([frame, head, *parts, *axis.drawn(y, rows[0].unit)])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{content}\n</svg>\n'


class _Axis:
    """Where a value lies from left to right."""

    def __init__(self, spreads: Sequence[Spread]) -> None:
        values = [value for each in spreads for value in (each.median, each.most) if value > 0] or [1.0]
        self._most = max(values)
        self._decades = math.ceil(math.log10(self._most / min(values)))
        self._log = self._most / min(values) > WIDE
        self._least = 10 ** math.floor(math.log10(min(values))) if self._log else 0.0

    def at(self, value: float) -> float:
        """The distance from the left end of the axis."""
        if not self._log:
            return WIDTH * max(value, 0) / self._most
        if value <= self._least:
            return 0
        return WIDTH * math.log(value / self._least) / math.log(self._most / self._least)

    def drawn(self, y: float, unit: str) -> list[str]:
        """The axis below the bars, with its numbers and its unit."""
        ticks = [self._most * step / 4 for step in range(5)]
        if self._log:
            ticks = [self._least * 10**step for step in range(self._decades + 2)]
        found = [f'<path d="M{LEFT} {y}h{WIDTH}" stroke="#57606a"/>']
        for tick in (each for each in ticks if each <= self._most):
            x = LEFT + self.at(tick)
            found.append(f'<path d="M{x:.1f} {HEAD - 6}V{y + 4}" stroke="#57606a" stroke-opacity=".2"/>')
            found.append(_text(x, y + 18, shown(tick), anchor="middle"))
        scale = "logarithmic" if self._log else "linear"
        return [*found, _text(LEFT + WIDTH, y + 36, f"{unit or 'count'} ({scale})", anchor="end")]


def _group(row: Row, y: float, axis: _Axis) -> list[str]:
    found = [_text(LEFT - 10, y + len(row.values) * BAR / 2 + 4, row.what, anchor="end")]
    for place, (system, each) in enumerate(row.values.items()):
        top, middle = y + place * BAR, y + place * BAR + (BAR - 3) / 2
        color, length = COLORS[system], max(axis.at(each.median), 1)
        box = f'x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR - 3}" fill="{color}"'
        found.append(f"<rect {box}><title>{escape(system)}: {shown(each.median)} {row.unit}</title></rect>")
        left, right = LEFT + axis.at(each.least), LEFT + axis.at(each.most)
        found.append(f'<path d="M{left:.1f} {middle}H{right:.1f}" stroke="#24292f"/>')
        end = max(right, LEFT + length) + 6
        found.append(_text(end, top + BAR - 4, f"{shown(each.median)} {row.unit}", size=11))
    return found


def _legend(rows: Sequence[Row]) -> str:
    systems = [system for system in COLORS if any(system in row.values for row in rows)]
    boxes = []
    for place, system in enumerate(systems):
        x = LEFT + place * 130
        boxes.append(f'<rect x="{x}" y="32" width="12" height="12" fill="{COLORS[system]}"/>')
        boxes.append(_text(x + 17, 42, system))
    return "".join(boxes)


def shown(value: float) -> str:
    """The number with three digits that say something."""
    if value == 0 or abs(value) >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "") -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{bold}>{escape(text)}</text>'
    )
