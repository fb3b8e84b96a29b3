"""The arguments that several commands share, and a run opened with them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from seq2seq.cli.paths import files_and_overrides, is_run, refuse_misplaced, shortened
from seq2seq.cli.usage import USABLE, meant_override
from seq2seq.errors import ConfigError, UserError

if TYPE_CHECKING:
    from seq2seq.runs.use import Run

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
        raise ConfigError([f"{text}: {meant_override(text, usable)}{allowed}" for text in foreign])
    require_run(run_dir)
    from seq2seq.runs.use import load_run

    return load_run(run_dir, overrides, checkpoint)


def with_members(run_dir: Path, texts: Sequence[str]) -> list[str]:
    """The overrides among arguments, with the runs among them as `search.ensemble`.

    Raises:
        UserError: one is neither a run nor `key=value`.
    """
    from seq2seq.config.overrides import quoted
    from seq2seq.config.run_file import source_of

    require_run(run_dir)
    paths, overrides = files_and_overrides(texts)
    members = [path for path in paths if source_of(path) is not None]
    for path in paths:
        if path not in members and "=" not in path:
            require_run(Path(path), "and an override is KEY=VALUE")
    overrides += [path for path in paths if path not in members]
    if members:
        overrides.append(f"search.ensemble=[{','.join(map(quoted, members))}]")
    return overrides


def require_run(run_dir: Path, otherwise: str = "") -> None:
    """Says what is missing before TensorFlow is loaded.

    Args:
      run_dir: the folder.
      otherwise: what the argument may be besides, for the message.
    """
    refuse_misplaced(run_dir)
    if not is_run(run_dir):
        near = nearest_run(run_dir)
        meant = f"; did you mean {near}?" if near else ";"
        what = "RUN is a folder made by `seq2seq train`" + (f", {otherwise}" if otherwise else "")
        raise UserError(f"{shortened(str(run_dir))}: holds no run (no config.yaml){meant} {what}")


def nearest_run(path: Path) -> Optional[Path]:
    """The run that `path` was probably meant to name: one beside it of a similar name, or one of its name elsewhere."""
    if not os.path.isdir(path.parent):  # noqa: PTH112 - which raises where a text is too long for a name
        elsewhere = [*path.parent.parent.glob("*"), Path("runs")]
    else:
        beside = {config.parent.name: config.parent for config in path.parent.glob("*/config.yaml")}
        close = get_close_matches(path.name, sorted(beside), n=1)
        if close:
            return beside[close[0]]
        elsewhere = [Path("runs")]
    return next((folder / path.name for folder in sorted(elsewhere) if is_run(folder / path.name)), None)


def make_folder(folder: Path, option: str = "--alignments") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} {folder}: {error.strerror}") from error
