"""The picture of the rooms, drawn from the imports: `make architecture` writes it to the docs.

Rooms stand on their floors in the order of the rules. An arrow says that one imports the other;
what a room reaches through another anyway has none.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__)
PICTURE = HERE.parents[2] / "docs" / "images" / "rooms.svg"
NAMES = ("values", "judgement, pure", "the world", "work", "doors")
BOX, GAP, BAND, LEFT, WIDTH = 108, 34, 128, 120, 860


def room(name: str) -> str:
    """A file's room; `errors` and `core` import each other and are one."""
    return f"{name}..".split(".")[1].replace("errors", "core")


def arrows(imports: dict[str, set[str]], rooms: set[str]) -> dict[str, set[str]]:
    """Which room imports which, without what another arrow leads to."""
    direct: dict[str, set[str]] = {name: set() for name in rooms}
    for name in imports.keys() - {"venturalitica"}:
        there = {room(other) for other in imports[name] & imports.keys()}
        direct.get(room(name), set()).update(there & rooms - {room(name)})

    def reach(name: str) -> set[str]:
        return direct[name].union(*(reach(other) for other in direct[name]))

    return {a: direct[a] - set[str]().union(*(reach(b) for b in direct[a])) for a in direct}


def draw() -> str:
    house = runpy.run_path(str(HERE.with_name("test_rooms.py")))
    rooms = {room(name) for name in house["files"]()}
    shown = [
        [name for name in floor if name in rooms and name[:1] not in "_"]
        for floor in house["FLOORS"]
    ]
    leads = arrows(house["arrows"](), {name for floor in shown for name in floor})
    at = {
        name: (
            LEFT + (WIDTH - LEFT - len(rooms) * (BOX + GAP)) // 2 + place * (BOX + GAP),
            (len(shown) - 1 - floor) * BAND + 44,
        )
        for floor, rooms in enumerate(shown)
        for place, name in enumerate(rooms)
    }
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {len(shown) * BAND}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="none" stroke-width="1.3">',
        "<title>The rooms, and who imports whom</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="#64748b"/></marker></defs>',
    ]
    for floor, name in enumerate(NAMES):
        top = (len(shown) - 1 - floor) * BAND
        shade = ("#f1f5f9", "#ffffff")[floor % 2]
        lines.append(f'<rect y="{top}" width="{WIDTH}" height="{BAND}" fill="{shade}"/>')
        lines.append(f'<text x="12" y="{top + 22}" fill="#475569">{floor + 1} {name}</text>')
    pairs = sorted((a, b) for a in at for b in leads[a] & at.keys())
    lines += [_arrow(a, b, at[a], at[b]) for a, b in pairs]
    for name, (x, y) in at.items():
        shape = f'x="{x}" y="{y}" width="{BOX}" height="40" rx="6"'
        lines.append(f'<rect {shape} fill="#fff" stroke="#0f766e"/>')
        middle = f'x="{x + BOX // 2}" y="{y + 25}" text-anchor="middle"'
        lines.append(f'<text {middle} fill="#0f172a">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _arrow(a: str, b: str, start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (u, v) = start, end
    if y == v:  # side by side: an arc over what stands between
        rise = 14 + abs(x - u) // 12
        x, u = x + BOX // 2 - 12, u + BOX // 2 + 12
        way = f"M{x} {y}C{x} {y - rise} {u} {v - rise} {u} {v}"
    else:
        lean = (u - x) // 14
        x, y, u = x + BOX // 2 + max(-40, min(40, lean)), y + 40, u + BOX // 2 - lean
        way = f"M{x} {y}C{x} {y + 50} {u} {v - 60} {u} {v}"
    return f'<path d="{way}" stroke="#64748b" marker-end="url(#tip)"><title>{a}: {b}</title></path>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(Path.cwd())}\n")
