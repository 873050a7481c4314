"""Writes docs/reference and SUPPORT.md: commands from click, metrics from the catalogue, boards from the recordings.

generate_docs.py            write
generate_docs.py --check    fail, naming the file, when what is committed differs
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from support_table import support_table

from benchfleet.core.metric import catalogue

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
PROGRAMS = {"benchfleet": "benchfleet.controller.cli", "benchfleet-agent": "benchfleet.agent.cli"}
GENERATED = "<!-- Made by `make docs`; do not edit. -->\n"
EXIT_CODES = """
## Exit codes

| code | meaning |
|---|---|
| 0 | it worked; the gate passed |
| 1 | the gate failed, a regression is confirmed, or a replay disagrees |
| 2 | wrong usage, or something is wrong with a document or file |
| 3 | no evidence: the measurement does not carry the statement asked of it |
| 4 | the controller or a device does not answer |
| 5 | the run failed on the device |
| 6 | refused: identity, role, token or certificate |
| 130 | interrupted |
"""


def commands(package: str) -> Iterator[tuple[str, click.Command]]:
    """Every command file of a package, by file name."""
    folder = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda m: m.name):
        command = getattr(importlib.import_module(f"{package}.{module.name}"), "command", None)
        if isinstance(command, click.Command):
            yield module.name.replace("_", "-"), command


def section(path: str, command: click.Command, depth: int = 2) -> Iterator[str]:
    """Usage text of a command and, below it, of its subcommands."""
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
    yield f"\n{'#' * depth} {path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from section(f"{path} {name}", child, depth + 1)


def cli_reference() -> str:
    """All commands of both programs."""
    parts = [GENERATED, "# Commands\n"]
    for program, package in PROGRAMS.items():
        for name, command in commands(package):
            parts += section(f"{program} {name}", command)
    return "".join([*parts, EXIT_CODES])


def metrics_reference() -> str:
    """The metric catalogue as a table."""
    rows = [f"| `{m.name}` | {m.unit} | {m.better} | {m.help} | {m.how} |" for _, m in sorted(catalogue().items())]
    head = [
        GENERATED + "# Metrics of a result\n",
        "A metric that was not measured is `null` and carries a reason; zero is a measurement.\n",
        "| name | unit | better | what | how |\n|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def main() -> int:
    """Write, or compare with `--check`; the exit code."""
    wanted = {
        REFERENCE / "cli.md": cli_reference(),
        REFERENCE / "metrics.md": metrics_reference(),
        ROOT / "SUPPORT.md": support_table(),
    }
    stale = [page for page, text in wanted.items() if not page.is_file() or page.read_text() != text]
    if "--check" in sys.argv[1:]:
        for page in stale:
            print(f"{page.relative_to(ROOT)} is not what the code says; run `make docs`, commit it", file=sys.stderr)
        return 1 if stale else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for page in stale:
        page.write_text(wanted[page])
    return 0


if __name__ == "__main__":
    sys.exit(main())
