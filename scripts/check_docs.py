"""Documents name only what exists: links inside the repository resolve, ARCHITECTURE.md's paths are there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`([A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*)`")


def markdown() -> list[Path]:
    """Every Markdown file that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def anchors(page: Path) -> set[str]:
    """The heading anchors of a page, as GitHub makes them."""
    heads = re.findall(r"^#+ +(.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower().replace("`", "")).replace(" ", "-") for h in heads}


def broken_links(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere in the repository; links to other hosts are not followed."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists():
            yield f"{page.relative_to(ROOT)}: link to {target}, which does not exist"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            yield f"{page.relative_to(ROOT)}: link to {target}, which has no such heading"


def missing_paths(page: Path) -> Iterator[str]:
    """Paths in back quotes that are not in the repository."""
    for path in PATH.findall(page.read_text()):
        if not (ROOT / path).exists():
            yield f"{page.relative_to(ROOT)}: names {path}, which does not exist"


def main() -> int:
    """Prints what is wrong; the exit code."""
    faults = [fault for page in markdown() for fault in broken_links(page)]
    for name in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
        faults += missing_paths(ROOT / name)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
