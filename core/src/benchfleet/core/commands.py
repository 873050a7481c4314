"""A click group whose commands are the files of a folder, imported on use; and the edge where errors become exit codes.

A command file holds `command`; the first line of its docstring is its line in `--help`, read without importing it.
"""

from __future__ import annotations

import ast
import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from benchfleet.core.errors import EXIT_USAGE, BenchfleetError, one_line

EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """Commands by file name, underscores as dashes."""

    def __init__(self, *, package: str, folder: Path, **options: Any) -> None:
        super().__init__(**options)
        self._package, self._folder = package, folder
        self.params.append(
            click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, help="Show the version.",
                         callback=self._show_version)
        )  # fmt: skip

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every file that is not private and not `main`."""
        return sorted(
            path.stem.replace("_", "-")
            for path in self._folder.glob("*.py")
            if not path.stem.startswith("_") and path.stem != "main"
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the one that is called."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{self._package}.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from docstrings alone."""
        rows = [(name, self._summary(name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _show_version(self, ctx: click.Context, param: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            from importlib import metadata

            click.echo(f"{self.name} {metadata.version(str(self.name))}")
            ctx.exit()

    def _summary(self, name: str) -> str:
        tree = ast.parse((self._folder / f"{name.replace('-', '_')}.py").read_text())
        return (ast.get_docstring(tree) or "").split("\n", 1)[0]


def run(group: click.Group) -> NoReturn:
    """Calls a group and turns what goes wrong into one line and an exit code; the user never sees a traceback."""
    try:
        code = group.main(standalone_mode=False)
        if sys.stdout is not None:  # None when it was closed before we began
            sys.stdout.flush()
    except BenchfleetError as error:
        click.echo(f"{group.name}: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(EXIT_USAGE)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else group.name
        click.echo(f"{path}: {one_line(error.format_message().rstrip('.'))}; see `{path} --help`", err=True)
        sys.exit(EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()
        sys.exit(0)
    except SystemExit as error:
        # What rich makes of a closed pipe; 1 would say that a gate failed.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _forget_stdout()
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        _forget_stdout()
        click.echo(f"{group.name}: cannot write the output ({error.strerror}); make room and try again", err=True)
        sys.exit(EXIT_USAGE)
    sys.exit(code if isinstance(code, int) else 0)


def _forget_stdout() -> None:
    """What is buffered for a reader that is gone must not fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
