"""Where the script `benchfleet` begins, with nothing else imported: Ctrl-C in an import is no traceback."""

from __future__ import annotations


def main() -> None:
    """Exit code 130 for an interrupt that comes before the commands are there to handle it."""
    try:
        from benchfleet.controller.cli.main import main as commands
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    commands()
