"""The arguments that several commands share, and a run opened with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from seq2seq.errors import ConfigError, UserError

if TYPE_CHECKING:
    from seq2seq.runs.use import Run

#: What may be overridden for a run that is trained: how it is searched, where it runs, which files it reads.
USABLE = re.compile(
    r"^(search|hardware)(=|\.)|^data\.(root|val|test|index_dir|batch|broken_audio)\b|^task\.(metric_on|bleu_tokenizer|lowercase_metric)="
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
        raise ConfigError([foreign_override(text, usable) for text in foreign])
    require_run(run_dir)
    from seq2seq.runs.use import load_run

    return load_run(run_dir, overrides, checkpoint)


def foreign_override(text: str, usable: re.Pattern[str] = USABLE) -> str:
    """The sentence about an override that a trained run does not take."""
    from seq2seq.config.words import likely_keys

    key, _, value = text.partition("=")
    meant = " or ".join(f"{name}={value}" for name in likely_keys(key.strip()) if usable.match(f"{name}="))
    hint = f"did you mean {meant}? " if meant else ""
    return f"{text}: {hint}a trained run takes search.…, hardware.…, data.root=…, data.val.… and data.test.…"


def require_run(run_dir: Path) -> None:
    """Says what is missing before TensorFlow is loaded."""
    if not (run_dir / "config.yaml").is_file():
        raise UserError(f"{run_dir}: holds no run (no config.yaml); RUN is a folder made by `seq2seq train`")


def make_folder(folder: Path, option: str = "--alignments") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} {folder}: {error.strerror}") from error
