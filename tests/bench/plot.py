"""The table of a bench as a picture: records per CPU-second, a bar each, with what the rounds ranged over. Plain SVG."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tests.bench.outcome import Outcome

LEFT, WIDTH, BAR, STEP, TOP = 300, 520, 20, 34, 40
OURS, THEIRS, WRONG = "#1f6feb", "#8c959f", "#cf222e"
INK = "#57606a"  # readable on light pages and on dark ones


def plot(outcomes: Sequence[Outcome]) -> str:
    """Draw *outcomes* in their order."""
    most = max([outcome.records_per_cpu_s.most for outcome in outcomes], default=0.0) or 1.0
    height = TOP + STEP * len(outcomes) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 100} {height}" font-family="sans-serif" font-size="13">',
        f'<text x="10" y="22" fill="{INK}" font-weight="bold">Records per CPU-second of the worker (median; the line: least to most)</text>',
    ]
    for n, outcome in enumerate(outcomes):
        parts += _bar(outcome, TOP + STEP * n, WIDTH / most)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(outcome: Outcome, y: int, scale: float) -> list[str]:
    spread, middle = outcome.records_per_cpu_s, y + BAR / 2
    colour = WRONG if not outcome.output_ok else OURS if outcome.row.engine == "leadstream" else THEIRS
    least, median, most = (LEFT + value * scale for value in (spread.least, spread.median, spread.most))
    return [
        f'<text x="{LEFT - 10}" y="{middle + 5}" text-anchor="end" fill="{INK}">{escape(f"{outcome.row.engine}: {outcome.row.hop}")}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{median - LEFT:.1f}" height="{BAR}" fill="{colour}"/>',
        f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}" stroke="{INK}" stroke-width="2"/>',
        f'<text x="{most + 8:.1f}" y="{middle + 5}" fill="{INK}">{spread.median:,.0f}</text>',
    ]
