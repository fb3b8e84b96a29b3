"""A run's own configuration: written once, read by everything that goes on with the run or uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seq2seq.config.compose import finish
from seq2seq.config.hydra_loader import Loader
from seq2seq.config.overrides import parse
from seq2seq.config.root import TrainConfig
from seq2seq.config.run_file import SEARCH, content_of
from seq2seq.config.tables import DATA_FORMATS, TASKS
from seq2seq.config.validate import assign, shown, unknown_choice
from seq2seq.errors import ConfigError

#: Where things lie, not what they are: a folder may move between two starts of a run.
PLACES = ("run_dir", "data.root", "data.index_dir")

CHANGEABLE = (
    "training.",
    "search.",
    "hardware.",
    "export.",
    "task.examples_shown",
    "task.extra_metrics",
    "optimizer.schedule.total_steps",
    "optimizer.schedule.minimum",
)
"""Keys, or their beginnings, that may differ when a run goes on; all others decide what is being trained."""

#: Groups of which another choice can be taken for a run that exists.
EXCHANGEABLE = ("search", "hardware", "optimizer", "masking")


def to_yaml(config: TrainConfig) -> str:
    """The text of RUN/config.yaml."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def load(path: str | Path, overrides: Sequence[str] = (), *, tuned: bool = False) -> TrainConfig:
    """Read a run's configuration, with some of it overridden.

    What the file does not say (it may be of an earlier version) has its default; `run_dir` is the
    file's folder. `search.beam_width=10` or
    `search.n_best=5` on a run whose search was greedy mean beam search, wide enough.

    Args:
        path: RUN/config.yaml, or RUN.
        tuned: whether RUN/search.yaml, where there is one, says how the run is searched.
        overrides: `key=value`, and choices of another `search=`, `hardware=`, `optimizer=` or `masking=`.

    Raises:
        UserError: the file is missing or cannot be read.
        ConfigError: with one sentence for each thing that is wrong with the file or the overrides.
    """
    path = Path(path)
    path = path / "config.yaml" if path.is_dir() else path
    config = OmegaConf.structured(TrainConfig)
    problems = _read(config, path)
    search = path.with_name(SEARCH)
    if tuned and search.is_file():
        problems += assign(config, "search", content_of(search), str(search))
    if not problems:
        problems = _override(config, overrides)
    if problems:
        raise ConfigError(problems)
    result = finish(config)
    result.run_dir = str(path.parent)
    return result


def differences(old: TrainConfig, new: TrainConfig) -> list[str]:
    """What differs, as `model.encoder.units=512 (was 256)`; where files lie does not count."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return [
        f"{key}={shown(after.get(key))} (was {shown(before.get(key))})"
        for key in dict.fromkeys([*before, *after])
        if key not in (*PLACES, "auto") and before.get(key) != after.get(key)
    ]


def _leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, value


def _read(config: DictConfig, path: Path) -> list[str]:
    content = content_of(path)
    if "run_dir" not in content:
        return [f"{path}: is cut off: what `seq2seq train` writes ends with run_dir"]
    data_format = _value(content, "data", "format")
    if data_format in DATA_FORMATS:
        config.data = DATA_FORMATS[data_format]
    task = _value(content, "task", "name")
    if task not in TASKS:  # a file of the first versions does not say it
        task = "translation"
    config.task, config.model = TASKS[task], TASKS[task].model
    return [
        problem for key, value in content.items() for problem in assign(config, str(key), value, str(path))
    ]


def _value(content: Mapping, group: str, key: str) -> str:
    inner = content.get(group)
    return str(inner.get(key)) if isinstance(inner, Mapping) else ""


def _override(config: DictConfig, overrides: Sequence[str]) -> list[str]:
    loader = Loader()
    parsed, problems = parse(overrides, loader)
    known_groups = loader.groups()
    for override in parsed:
        key, value = override.key_or_group, override.value()
        if override.is_delete() or override.is_sweep_override() or override.package is not None:
            problems.append(f"{override.input_line}: write key=value")
        elif key not in known_groups:
            problems += assign(config, key, value)
        elif key not in EXCHANGEABLE:
            problems.append(f"{override.input_line}: a run keeps its {key}; a new run can have another")
        elif value not in loader.choices(key):
            problems.append(unknown_choice(key, value, loader.choices(key)))
        else:
            loaded = loader.read(f"{key}/{value}")
            content = OmegaConf.to_container(loaded.config, resolve=False) if loaded else {}
            problems += assign(config, key, content)
    named = {override.key_or_group for override in parsed}
    if "training.epochs" in named and "training.max_steps" in set(config.auto) - named:
        config.training.max_steps = None  # an end that nobody has asked for is none
    searches = OmegaConf.get_type(config.task).searches  # type: ignore[union-attr]
    given = named & {"search", "search.name"}
    if not problems and searches and not given and config.search.name != "sampling":
        if "search.beam_width" not in named:
            config.search.beam_width = max(config.search.beam_width, config.search.n_best)
        if config.search.beam_width > 1:
            config.search.name = "beam"
    return problems
