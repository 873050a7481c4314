"""Takes one picture out of a report, as an SVG that stands alone: picture.py REPORT.html WORDS OUT.svg

The first picture whose description holds WORDS. A report's pictures follow the theme of their page; alone, on a white
ground, they get fixed colours.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

COLOURS = {"currentColor": "#1f2328", "var(--line)": "#8c959f", "var(--paper)": "#ffffff"}
GROUND = '<rect width="100%" height="100%" fill="#ffffff"/>'


def picture(page: str, words: str) -> str:
    """The SVG text; ValueError when no picture is described so."""
    for found in re.finditer(r"<svg.*?</svg>", page, flags=re.DOTALL):
        head, rest = found.group().split(">", 1)
        if words in head:
            body = f"{head}>{GROUND}{rest}"
            for marker, colour in COLOURS.items():
                body = body.replace(marker, colour)
            return "\n".join(line.rstrip() for line in body.splitlines()) + "\n"
    raise ValueError(f"no picture is described with {words!r}")


def main() -> None:
    """Read, pick, write."""
    report, words, out = sys.argv[1:]
    Path(out).write_text(picture(Path(report).read_text(), words))


if __name__ == "__main__":
    main()
