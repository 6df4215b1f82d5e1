"""Costs over sizes as a picture: a panel each, a line for each curve, the sizes on a logarithmic axis. Plain SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 200, 60, 60, 60
COLOURS = ("#1f6feb", "#bf8700", "#1a7f37", "#8250df")
INK = "#57606a"  # readable on light pages and on dark ones

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Curves over one size: µs per touchpoint. `least` is how much of the axis is shown at least."""

    title: str
    axis: str
    curves: Mapping[str, Points]
    least: float = 40.0


def curves(title: str, panels: Sequence[Panel]) -> str:
    """Draw *panels* side by side."""
    width, height = LEFT + (WIDTH + GAP) * len(panels), TOP + HEIGHT + 60 + 18 * max(len(panel.curves) for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<text x="10" y="22" fill="{INK}" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for n, panel in enumerate(panels):
        parts += _panel(panel, LEFT + (WIDTH + GAP) * n)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, left: int) -> list[str]:
    sizes = sorted({size for points in panel.curves.values() for size, _ in points})
    most = max(panel.least, 1.1 * max(cost for points in panel.curves.values() for _, cost in points))
    span = log10(sizes[-1] / sizes[0]) or 1.0
    foot = TOP + HEIGHT

    def at(size: float, cost: float) -> str:
        return f"{left + WIDTH * log10(size / sizes[0]) / span:.1f},{foot - HEIGHT * cost / most:.1f}"

    parts = [f'<text x="{left}" y="{TOP - 14}" fill="{INK}">{escape(panel.title)}</text>']
    for part in range(5):
        y = foot - HEIGHT * part / 4
        parts.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y}" y2="{y}" stroke="{INK}" stroke-opacity="0.25"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end" fill="{INK}">{most * part / 4:,.0f}</text>')
    for size in sizes:
        x = at(size, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{foot + 16}" text-anchor="middle" fill="{INK}">{size:,.0f}</text>')
    parts.append(f'<text x="{left + WIDTH / 2}" y="{foot + 34}" text-anchor="middle" fill="{INK}">{escape(panel.axis)}</text>')
    for n, (name, points) in enumerate(panel.curves.items()):
        colour, y = COLOURS[n % len(COLOURS)], foot + 54 + 18 * n
        parts.append(f'<polyline points="{" ".join(at(*point) for point in points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{place[0]}" cy="{place[1]}" r="3" fill="{colour}"/>' for place in (at(*point).split(",") for point in points)]
        parts.append(f'<rect x="{left}" y="{y - 9}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 20}" y="{y}" fill="{INK}">{escape(name)}</text>')
    return parts
