"""What a new run has of the runs that it begins with, where nothing else is asked for: their shape and their tokenizer.

A run that is there already has its own, so that it goes on where the others are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seq2seq.config.groups.init import sources
from seq2seq.config.run_file import CONFIG, content_of, source_of, task_name
from seq2seq.config.validate import assign, missing_key

#: Keys that a part has from its run, or their beginnings. A part alone leaves alone what the others are made of.
SHAPES = {
    "embeddings": ("model.embedding.size",),
    "encoder": ("model.embedding.size", "model.encoder.", "model.features.", "model.cell."),
    "decoder": ("model.embedding.size", "model.decoder.", "model.cell."),
    "everything": ("model.",),
}

TOKENIZER = "data.tokenizer"
_SAMPLING = f"{TOKENIZER}.sampling"  # is about training and leaves the ids as they are


def inherit(config: DictConfig, given: Sequence[str], own: Path | None) -> list[str]:
    """Puts shapes, and with `init.everything` the tokenizer, into `config`.

    Args:
        config: composed, of type `TrainConfig`.
        given: keys, or groups of keys, that keep what they have.
        own: the folder of the run, where there is one named.

    Returns:
        A sentence for each run that there is not.

    Raises:
        UserError: the configuration of a run cannot be read.
    """
    runs = {f"init.{part}": path for part, path in sources(config.init).items()}
    tokenizer = config.data.tokenizer.run
    if tokenizer:
        runs[f"{TOKENIZER}.run"] = tokenizer
    contents = {}
    for key, path in runs.items():
        if own is not None and (own / CONFIG).is_file():
            contents[key] = content_of(own / CONFIG)
            continue
        source = source_of(Path(path).expanduser())
        if source is None:
            return [
                f"{key}={path}: holds no run (no config.yaml); give a folder made by `seq2seq train`, or"
                " RUN/checkpoints/NAME"
            ]
        contents[key] = content_of(source.run / CONFIG)
    problems = []
    taken = list(given)
    for part, keys in SHAPES.items():
        if f"init.{part}" in contents:
            values = _shape(config, part, keys, contents[f"init.{part}"])
            problems += _put(config, values, taken)
            taken += values
    return problems + _inherit_tokenizer(config, contents, given)


def _shape(config: DictConfig, part: str, keys: Sequence[str], content: dict[str, Any]) -> dict[str, Any]:
    """What a run says of a part's shape; nothing where the part is of another kind here."""
    model = dict(_leaves(content.get("model", {}), "model."))
    kind = "model.encoder.kind"
    if part == "everything" and task_name(content) != config.task.name:
        return {}
    if part == "encoder" and model.get(kind, config.model.encoder.kind) != config.model.encoder.kind:
        return {}
    return {key: value for key, value in model.items() if key.startswith(tuple(keys))}


def _inherit_tokenizer(
    config: DictConfig, contents: dict[str, dict[str, Any]], given: Sequence[str]
) -> list[str]:
    key = f"{TOKENIZER}.run"
    content = contents.get(key, contents.get("init.everything"))
    asked = [name for name in given if _within(name, TOKENIZER) and not _within(name, _SAMPLING)]
    if content is None or (key not in contents and (asked or task_name(content) != config.task.name)):
        return []
    values = dict(_leaves(content.get("data", {}).get("tokenizer", {}), f"{TOKENIZER}."))
    values = {name: value for name, value in values.items() if not _within(name, _SAMPLING)}
    values.update({f"{TOKENIZER}.source_model": None, f"{TOKENIZER}.target_model": None})
    values[key] = config.data.tokenizer.run or config.init.everything
    return _put(config, values, [])


def _put(config: DictConfig, values: dict[str, Any], given: Sequence[str]) -> list[str]:
    """Sets the values of keys that are not given; what this task does not have is left out."""
    problems = []
    for key, value in values.items():
        if not any(_within(key, name) for name in given) and not missing_key(config, key):
            problems += assign(config, key, value)
    return problems


def _within(key: str, group: str) -> bool:
    return key == group or key.startswith(f"{group}.")


def _leaves(content: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The values of a file, by dotted keys; `options` of a part are one value."""
    for name, value in content.items():
        if isinstance(value, dict) and name != "options":
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
