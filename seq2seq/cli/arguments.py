"""The arguments that several commands share, and a run opened with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from seq2seq.cli.paths import is_run, refuse_misplaced, shortened
from seq2seq.errors import ConfigError, UserError

if TYPE_CHECKING:
    from seq2seq.runs.use import Run

#: What may be overridden for a run that is trained: how it is searched, where it runs, which files it reads.
USABLE = re.compile(
    r"^(search|hardware)(=|\.)|^data\.(root|val|test|index_dir|batch|broken_audio)\b|^task\.(metric_on|lowercase_metric)="
)


RUN = typer.Argument(..., metavar="RUN", help="The folder of a run.")


OVERRIDES = typer.Argument(None, metavar="KEY=VALUE", help="search.beam_width=10, data.test.source=…, …")


CHECKPOINT = typer.Option(
    None,
    "--checkpoint",
    help="best, latest, or a name in RUN/checkpoints; without it, what the run ended with.",
)


def open_run(
    run_dir: Path,
    overrides: Optional[Sequence[str]],
    checkpoint: Optional[str],
    usable: re.Pattern[str] = USABLE,
) -> Run:
    overrides = list(overrides or [])
    foreign = [text for text in overrides if not usable.match(text)]
    if foreign:
        allowed = "a trained run takes search.…, hardware.…, data.root=…, data.val.… and data.test.…"
        raise ConfigError([f"{text}: {allowed}" for text in foreign])
    require_run(run_dir)
    from seq2seq.runs.use import load_run

    return load_run(run_dir, overrides, checkpoint)


def require_run(run_dir: Path) -> None:
    """Says what is missing before TensorFlow is loaded."""
    refuse_misplaced(run_dir)
    if not is_run(run_dir):
        raise UserError(
            f"{shortened(str(run_dir))}: holds no run (no config.yaml); RUN is a folder made by `seq2seq train`"
        )


def make_folder(folder: Path, option: str = "--alignments") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} {folder}: {error.strerror}") from error
