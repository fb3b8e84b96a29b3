"""The application that commands register with, and how each of them ends. Nothing here needs TensorFlow."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Callable, NoReturn

import typer

from seq2seq import __version__
from seq2seq.cli.paths import shortened
from seq2seq.cli.signals import INTERRUPTED, TRY_AGAIN
from seq2seq.cli.streams import BROKEN_PIPE
from seq2seq.cli.usage import UsageError, usage_sentence
from seq2seq.errors import ConfigError, PreemptedError, UserError, WorkerLostError

USER_ERROR = 2


app = typer.Typer(
    help="Train, evaluate and use LSTM sequence-to-sequence models.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """A mistake of the user's, Ctrl-C or a reader that went away ends the program without a traceback."""
    try:
        yield
        sys.stdout.flush()
    except WorkerLostError as error:
        typer.echo(f"error: {error}", err=True)
        os._exit(TRY_AGAIN)  # TensorFlow would wait for the worker that is gone
    except UserError as error:
        exit_with_problems(error)
    except KeyboardInterrupt as stop:
        typer.echo(str(stop) or "Interrupted.", err=True)
        _exit(TRY_AGAIN if isinstance(stop, PreemptedError) else INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would complain
        _exit(BROKEN_PIPE)
    except UsageError as error:
        exit_with_problems(UserError(usage_sentence(error)))
    except UnicodeEncodeError as error:  # a byte in a name that is not UTF-8, where only text will do
        exit_with_problems(
            UserError(f"{shortened(str(error.object))}: this name is not UTF-8; give it another")
        )
    except OSError as error:
        if error.filename is None:
            raise
        exit_with_problems(UserError(f"{error.filename}: {error.strerror}"))
    except Exception as error:
        if not type(error).__module__.startswith(("hydra.", "omegaconf.")):
            raise
        from seq2seq.config.compose import first_line

        exit_with_problems(UserError(first_line(error)))


def exit_with_problems(error: UserError) -> NoReturn:
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    if len(problems) == 1:
        typer.echo(f"error: {problems[0]}", err=True)
    else:
        typer.echo(f"error: {len(problems)} things are wrong:", err=True)
        for problem in problems:
            typer.echo(f"  {problem}", err=True)
    _exit(USER_ERROR)


def _exit(code: int) -> NoReturn:
    with suppress(UserError):  # another one, of output that cannot be written
        sys.stdout.flush()
    raise SystemExit(code)


def command(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a command that a user's mistake ends with one sentence."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @app.command(**options)
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            with exit_on_user_error():
                function(*args, **kwargs)

        return run

    return register


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(USER_ERROR)
