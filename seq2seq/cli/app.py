"""The application that commands register with, and how each of them ends. Nothing here needs TensorFlow."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, NoReturn

import typer

from seq2seq import __version__
from seq2seq.errors import ConfigError, PreemptedError, UserError, WorkerLostError

USER_ERROR, TRY_AGAIN, INTERRUPTED, BROKEN_PIPE = 2, 75, 130, 141


app = typer.Typer(
    help="Train, evaluate and use LSTM sequence-to-sequence models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@contextmanager
def ending_well() -> Iterator[None]:
    """A mistake of the user's, Ctrl-C or a reader that went away ends the program without a traceback."""
    try:
        yield
        sys.stdout.flush()
    except WorkerLostError as error:
        typer.echo(f"error: {error}", err=True)
        os._exit(TRY_AGAIN)  # TensorFlow would wait for the worker that is gone
    except UserError as error:
        _refuse(error)
    except PreemptedError:
        _exit(TRY_AGAIN)
    except KeyboardInterrupt:
        _exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would complain
        _exit(BROKEN_PIPE)
    except Exception as error:
        if not type(error).__module__.startswith(("hydra.", "omegaconf.")):
            raise
        from seq2seq.config.compose import first_line

        _refuse(UserError(first_line(error)))


def _refuse(error: UserError) -> NoReturn:
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    if len(problems) == 1:
        typer.echo(f"error: {problems[0]}", err=True)
    else:
        typer.echo(f"error: {len(problems)} things are wrong:", err=True)
        for problem in problems:
            typer.echo(f"  {problem}", err=True)
    _exit(USER_ERROR)


def _exit(code: int) -> NoReturn:
    raise SystemExit(code)


def command(**options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a command whose errors end well."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @app.command(**options)
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            with ending_well():
                function(*args, **kwargs)

        return run

    return register


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
