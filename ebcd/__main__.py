"""The entry point, and the one place where an error becomes text and an exit code."""

from __future__ import annotations

import gc
import os
import sys

SELDOM = 100_000
"""Objects made between two of Python's searches for cycles, which find nothing while modules are imported and take a
fifth of that time when they come every 700 objects."""
TYPE_CHECKING = False  # typing's own costs --version a fifth of its time
if TYPE_CHECKING:
    from typing import NoReturn

    from ebcd.errors import EbcdError


def main() -> NoReturn:
    """Run ebcd with the command line's arguments and exit."""
    from ebcd.cli.streams import make_tolerant

    make_tolerant()
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from ebcd import __version__
        from ebcd.commit import commit

        sha = commit()
        sys.stdout.write(f"ebcd {__version__} ({sha[:12]})\n" if sha else f"ebcd {__version__}\n")
        sys.exit(0)
    gc.set_threshold(SELDOM)
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    from ebcd.errors import EbcdError

    try:
        return _dispatch(arguments)
    except EbcdError as error:
        return _fail(error, arguments)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _defect(error, arguments)


def _dispatch(arguments: list[str]) -> int:
    import typer

    from ebcd.cli.app import app

    if not arguments and not any(name.startswith("_EBCD_") for name in os.environ):  # those ask for completion
        return _show_page()
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="ebcd", standalone_mode=False)
    except (typer.Exit, typer.Abort) as ended:
        return int(getattr(ended, "exit_code", 130))
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command
            sys.stdout.write(str(error.format_message()) + "\n")  # type: ignore[attr-defined]
            return 0
        if not hasattr(error, "format_message"):  # what Typer raises for a wrong command line
            raise
        from ebcd.cli.mistyped import mistyped

        raise mistyped(error, arguments) from error
    return code if isinstance(code, int) else 0


def _show_page() -> int:
    import shutil

    from ebcd.cli.explain import page

    sys.stdout.write(page(shutil.get_terminal_size().columns))
    return 0


def _fail(error: EbcdError, arguments: list[str]) -> int:
    from ebcd.cli import output
    from ebcd.report.envelope import envelope

    result = envelope(_command_of(arguments), error)
    if not error.told:
        output.tell_actions(result)
    if not output.wants_json(arguments):
        output.tell_error(error, no_color="--no-color" in arguments)
    elif not error.told:
        output.print_json(result)
    return int(error.exit_code)


def _defect(error: Exception, arguments: list[str]) -> int:
    """An error that ebcd did not expect: a defect of its own, with its frames where --verbose asks for them.

    An exception's own text may hold what it was about, a header or a property: it is not shown.
    """
    import traceback

    from ebcd.errors import EbcdError

    frames = traceback.extract_tb(error.__traceback__)
    if {"--verbose", "-v"} & set(arguments):
        sys.stderr.writelines(traceback.format_list(frames))
    hint = "Run it again with --verbose, and report what it prints."
    why = f"{type(error).__name__} in {frames[-1].filename}:{frames[-1].lineno}"
    return _fail(EbcdError("ebcd failed in a way that it should not.", why=why, hint=hint, code="defect"), arguments)


def _command_of(arguments: list[str]) -> str:
    """The command's name, with that of its own command where it is a group."""
    from ebcd.cli.app import ALIASES

    words = [item for item in arguments if not item.startswith("-")]
    words[:1] = [ALIASES.get(word, word) for word in words[:1]]
    return " ".join(words[: 2 if words[:1] == ["preview"] else 1])


if __name__ == "__main__":
    main()
