"""The reference page of an instance's states, drawn and listed from the table of its state machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from procession.supervisor.core.instance import Happening, Phase
from procession.supervisor.core.table import TABLE, Cell, Ignored, Step

STATES = """\
# The states of an instance

<!-- Written by script/reference.py from procession.supervisor.core.table: change that, and run it. -->

What `procession status` shows in its column STATE. Every death passes through *sweeping*, so a next life never meets
what is left of the tree before it. The table has a cell for every pair of a state and a happening; where nothing is
done, it says why.
"""

Point = tuple[float, float]

WIDTH, HEIGHT = 1120, 680
BOX = (118, 40)
PLACES: dict[Phase, Point] = {  # the centre of each box: all that the table does not know
    Phase.STOPPED: (110, 80),
    Phase.DONE: (350, 250),
    Phase.FAILED: (90, 470),
    Phase.BACKOFF: (270, 640),
    Phase.WAITING: (430, 80),
    Phase.STARTING: (720, 80),
    Phase.STANDBY: (1000, 240),
    Phase.READY: (1030, 80),
    Phase.UNREADY: (1030, 390),
    Phase.STOPPING: (790, 215),
    Phase.KILLING: (1000, 600),
    Phase.SWEEPING: (600, 500),
}
LABEL = "The phases of an instance"
HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 L8 4 L0 8 z" fill="currentColor" fill-opacity=".6"/></marker>'
)
STYLE = """
text { font: 13px system-ui, sans-serif; fill: currentColor; text-anchor: middle; dominant-baseline: middle }
.label { font-size: 12px; paint-order: stroke; stroke: var(--md-default-bg-color, #fff); stroke-width: 5px }
.box { fill: none; stroke: currentColor; stroke-width: 1.5 }
.arrow { fill: none; stroke: currentColor; stroke-opacity: .55; stroke-width: 1.2; marker-end: url(#head) }
"""


def states_page() -> str:
    sections = [STATES.strip(), f"<div>\n{picture().strip()}\n</div>"]  # Markdown leaves alone what is in a div
    for phase in Phase:
        cells = "\n".join(f"| {happening.value} | {cell_words(TABLE[phase, happening])} |" for happening in Happening)
        sections.append(f"## {phase.value}\n\n| happening | what follows |\n|---|---|\n{cells}")
    return "\n\n".join(sections) + "\n"


def cell_words(cell: Cell) -> str:
    if isinstance(cell, Ignored):
        return f"nothing: {cell.why}"
    effects = ", ".join(effect.name.lower().replace("_", " ") for effect in cell.effects)
    return f"**{cell.phase.value}**" + (f": {effects}" if effects else "")


def arrows() -> dict[tuple[Phase, Phase], list[Happening]]:
    """What leads from one phase to another; a step that stays where it is belongs to no arrow."""
    found: dict[tuple[Phase, Phase], list[Happening]] = {}
    for (phase, happening), cell in TABLE.items():
        if isinstance(cell, Step) and cell.phase is not phase:
            found.setdefault((phase, cell.phase), []).append(happening)
    return found


def picture() -> str:
    """The whole picture; it takes its colour from the text around it, so that it is readable on a dark page, too."""
    lines = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{LABEL}">',
        f"<style>{STYLE}</style>",
        f"<defs>{HEAD}</defs>",
        *(line for (start, end), why in arrows().items() for line in arrow(start, end, why)),
        *(line for phase, place in PLACES.items() for line in box(phase, place)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def box(phase: Phase, place: Point) -> Iterator[str]:
    (x, y), (width, height) = place, BOX
    yield f'<rect class="box" x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" height="{height}" rx="8"/>'
    yield f'<text x="{x:g}" y="{y:g}">{phase.value}</text>'


def arrow(start: Phase, end: Phase, why: list[Happening]) -> Iterator[str]:
    """A curve that bends to its left, so that there and back do not lie on each other; its label stands on the bend."""
    (x1, y1), (x2, y2) = PLACES[start], PLACES[end]
    length = math.hypot(x2 - x1, y2 - y1)
    bend = 44 + length / 24
    middle = ((x1 + x2) / 2 + (y2 - y1) / length * bend, (y1 + y2) / 2 - (x2 - x1) / length * bend)
    (ax, ay), (bx, by) = edge(PLACES[start], middle), edge(PLACES[end], middle)
    yield f'<path class="arrow" d="M{ax:.0f} {ay:.0f} Q{middle[0]:.0f} {middle[1]:.0f} {bx:.0f} {by:.0f}"/>'
    x, y = ((ax + 2 * middle[0] + bx) / 4, (ay + 2 * middle[1] + by) / 4)
    for place, happening in enumerate(why):
        line = y + (place - (len(why) - 1) / 2) * 13
        yield f'<text class="label" x="{x:.0f}" y="{line:.0f}">{escape(happening.value)}</text>'


def edge(centre: Point, towards: Point) -> Point:
    """Where the line from the centre of a box leaves it."""
    dx, dy = towards[0] - centre[0], towards[1] - centre[1]
    scale = min(side / 2 / abs(d) for side, d in zip(BOX, (dx, dy), strict=True) if d)
    return centre[0] + dx * scale, centre[1] + dy * scale
