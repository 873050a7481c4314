"""Tables that can be read at any width: no cell is cut, and no name is broken in two.

On a terminal a table that is too wide folds its cells at spaces and slashes, the widest columns first; where even that
is too wide, each row becomes a block of lines. What is no terminal (a pipe, a file) has no width to keep to.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

UNBOUNDED_COLUMNS = 100_000
"""The width of what is no terminal: wider than any row."""

GAP = 2
"""Between columns: the padding and the line of box.SIMPLE_HEAD."""
EDGES = 2
_PIECES = re.compile(r"\s+|[^\s/]*/|[^\s/]+")


def stdout_console() -> Console:
    """Standard output: as wide as its terminal, else as wide as it takes."""
    terminal = sys.stdout is not None and sys.stdout.isatty()  # None: a shell closed it (>&-)
    return Console(width=None if terminal else UNBOUNDED_COLUMNS)


def arranged(
    columns: Sequence[str],
    rows: Sequence[Sequence[Text]],
    width: int,
    *,
    right: Collection[str] = (),
    title: Text | None = None,
    sections: Collection[int] = (),
) -> RenderableType:
    """The table that fits `width`. `right` names columns of numbers; a line is drawn after each row in `sections`."""
    cells = [[Text(name) for name in columns], *rows]
    natural = [max(cell_len(line) for row in cells for line in row[i].plain.split("\n")) for i in range(len(columns))]
    least = [max(_longest_piece(row[i].plain) for row in cells) for i in range(len(columns))]
    room = width - EDGES - GAP * len(columns)
    if sum(least) > room:
        return _blocks(columns, rows, width, title)
    widths = _shared(natural, least, room)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, size in zip(columns, widths, strict=True):
        table.add_column(folded(Text(name), size), justify="right" if name in right else "left", width=size)
    for index, row in enumerate(rows):
        table.add_row(*(folded(cell, size) for cell, size in zip(row, widths, strict=True)))
        if index in sections:
            table.add_section()
    return table


def _longest_piece(text: str) -> int:
    return max((cell_len(piece) for piece in _PIECES.findall(text) if not piece.isspace()), default=0)


def _shared(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that fit: what is missing is taken from the widest columns, none below its least."""
    widths = list(natural)
    for _ in range(max(0, sum(natural) - room)):
        widest = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[widest] -= 1
    return widths


def folded(text: Text, width: int) -> Text:
    """`text` in lines of at most `width`, broken at spaces and after slashes."""
    lines, line = [], ""
    for piece in _PIECES.findall(text.plain):
        if "\n" in piece or (line and cell_len(line) + cell_len(piece.rstrip()) > width):
            lines.append(line.rstrip())
            line = ""
        line = (line + piece).lstrip()
    return Text("\n".join([*lines, line.rstrip()]), style=text.style)


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[Text]], width: int, title: Text | None) -> RenderableType:
    """A line for each cell that says something; long ones go on below themselves."""
    head = max(map(cell_len, columns))
    parts: list[RenderableType] = [title] if title is not None else []
    for row in rows:
        block = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
        block.add_column(width=head, no_wrap=True, style="dim")
        block.add_column(overflow="fold")
        for name, cell in zip(columns, row, strict=True):
            if cell.plain.strip() not in ("", "-"):
                block.add_row(name, folded(cell, width - head - 1))
        parts += [block, Text("")]
    return Group(*parts)
