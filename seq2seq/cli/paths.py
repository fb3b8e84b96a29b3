"""Arguments that are paths: told from overrides, and what is wrong with one said before TensorFlow is loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from seq2seq.cli.usage import meant_override
from seq2seq.errors import UserError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_SHOWN = 120

STANDARD_INPUT = "-"


def files_and_overrides(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which arguments are files, and which are `key=value`; what exists is a file, whatever its name."""
    from seq2seq.config.root import TrainConfig

    keys = "|".join(["experiment", *(field.name for field in fields(TrainConfig))])
    override = re.compile(rf"[+~]*({keys})\b[^=]*=")
    overrides = [
        text for text in texts if not os.path.lexists(text) and (override.match(text) or meant_override(text))
    ]
    return [text for text in texts if text not in overrides], overrides


def require_file(path: str | Path, *, folder_too: bool = False, instead: str = "") -> None:
    """Makes sure that a path leads to what can be read, a pipe among them.

    Args:
        path: as it was given.
        folder_too: whether it may be a folder.
        instead: what else could have been meant, where there is no such file.

    Raises:
        UserError: with what is wrong.
    """
    text = str(path)
    if "=" in text:
        instead = "nor is it an override of a trained run, such as search.beam_width=10"
    what = "file or folder" if folder_too else "file"
    try:
        os.stat(text)  # noqa: PTH116 - to Path an empty name is the folder
    except PermissionError as error:
        raise UserError(f"{shortened(text)}: cannot be read: {error.strerror}") from error
    except (OSError, ValueError) as error:  # too long a name, or a NUL in it, too
        if os.path.islink(text):  # noqa: PTH114 - which raises of such names
            raise UserError(f"{text}: is a link to {os.readlink(text)}, which leads nowhere") from error  # noqa: PTH115
        raise UserError(
            f"{shortened(text) or repr(text)}: no such {what}{instead and '; '}{instead}"
        ) from error
    if Path(text).is_dir() and not folder_too:
        raise UserError(f"{text}: is a folder; give a file")
    if not os.access(text, os.R_OK):
        raise UserError(f"{text}: cannot be read: {os.strerror(13)}")


def refuse_misplaced(
    run_dir: Path, others: Sequence[str | Path] = (), usage: str = "seq2seq COMMAND RUN …"
) -> None:
    """Says so where something else stands in RUN's place, which is the first.

    Args:
        run_dir: what stands there.
        others: what stands behind it.
        usage: the right order.

    Raises:
        UserError: the folder holds no run, and what it is can be told.
    """
    if is_run(run_dir):
        return
    name = shortened(str(run_dir))
    if other := next((other for other in others if is_run(Path(other))), None):
        raise UserError(f"{name}: holds no run, but {other} does; RUN comes first: {usage}")
    if run := next((parent for parent in list(run_dir.parents)[:2] if is_run(parent)), None):
        raise UserError(
            f"{name}: is a part of the run {run}; give that, and a checkpoint of it by --checkpoint"
        )
    if os.path.isfile(run_dir / "manifest.json"):  # noqa: PTH113
        raise UserError(f"{name}: is what `seq2seq export` wrote; RUN is the folder that it was made from")
    if os.path.isfile(run_dir):  # noqa: PTH113
        raise UserError(f"{name}: is a file, and RUN is the folder of a run; it comes first: {usage}")


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run; no name is too strange to ask."""
    return os.path.isfile(folder / "config.yaml")  # noqa: PTH113


def shortened(text: str) -> str:
    """A path as a message shows it: a text that was taken for one need not stand there whole."""
    text = _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)
    return text if len(text) <= _MAX_SHOWN or os.path.lexists(text) else f"{text[:_MAX_SHOWN]}…"
