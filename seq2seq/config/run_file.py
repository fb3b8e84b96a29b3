"""RUN/config.yaml as it is written, and where RUN is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml
from omegaconf import OmegaConf

from seq2seq.errors import UserError

CONFIG = "config.yaml"
SEARCH = "search.yaml"
CHECKPOINTS = "checkpoints"


class Source(NamedTuple):
    """A run, and the name of a checkpoint of it where one is asked for."""

    run: Path
    checkpoint: str | None


def source_of(path: str | Path) -> Source | None:
    """What RUN, or RUN/checkpoints/NAME, stands for; None where there is no run."""
    path = Path(path)
    try:
        if (path / CONFIG).is_file():
            return Source(path, None)
        run = path.parent.parent
        if path.parent.name == CHECKPOINTS and (run / CONFIG).is_file():
            return Source(run, path.name)
    except (OSError, ValueError):  # too long a name, or a NUL in it
        pass
    return None


def content_of(path: Path) -> dict[str, Any]:
    """What the file holds, under the names of today.

    Raises:
        UserError: it is missing or cannot be read.
    """
    try:
        content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); RUN is a folder made by `seq2seq train`"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}{f', line {mark.line + 1}' if mark else ''}: not valid YAML") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no configuration")
    _rename(content)
    return content


def task_name(content: dict[str, Any]) -> str:
    """The task; a file of the first versions does not say it."""
    task = content.get("task")
    return str(task.get("name", "translation")) if isinstance(task, dict) else "translation"


def _rename(content: dict) -> None:
    """Gives what earlier versions wrote its name of today."""
    model = content.get("model")
    if not isinstance(model, dict):
        return
    if "forget_bias" in model:
        model.setdefault("cell", {})["forget_bias"] = model.pop("forget_bias")
    masks = model.get("spec_augment")
    if isinstance(masks, dict) and "time_share" in masks:
        masks["max_mask_ratio"] = masks.pop("time_share")
