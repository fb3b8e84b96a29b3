"""From conf/ and overrides to a checked `TrainConfig`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from seq2seq.config.auto import AUTO_KEYS, auto_keys
from seq2seq.config.groups.init import sources
from seq2seq.config.hydra_loader import CONFIG_NAME, Loader
from seq2seq.config.inherit import inherit
from seq2seq.config.overrides import as_meant, parse
from seq2seq.config.root import TrainConfig
from seq2seq.config.store import MODEL_KEYS, SCHEMA_SUFFIX
from seq2seq.config.validate import (
    assign,
    contradictions,
    missing_key,
    out_of_range,
    problems_of,
    shown,
    unknown_choice,
)
from seq2seq.errors import ConfigError, UserError


def compose(overrides: Sequence[str] = (), config_dir: str | None = None) -> TrainConfig:
    """The configuration that `python train.py OVERRIDES` trains with.

    Args:
        overrides: as on the command line: `data=tsv`, `model.encoder.units=512`, …
        config_dir: a folder of further choices, laid out like conf/ (Hydra's `--config-dir`).

    Raises:
        ConfigError: with one sentence for each thing that is wrong.
    """
    loader, overrides = Loader(config_dir), as_meant(overrides)
    refuse(overrides, loader)
    return finish_new(loader.composed(overrides), overrides, loader)


def finish_new(composed: DictConfig, overrides: Sequence[str], loader: Loader) -> TrainConfig:
    """The same of a run that begins, which has its shape and its tokenizer of a run that `init` names, but for what
    overrides and experiments give.

    Args:
        composed: by Hydra.
        overrides: of which.
        loader: of the files.

    Raises:
        ConfigError: with one sentence for each thing that is wrong.
        UserError: the configuration of a run cannot be read.
    """
    config = composed.copy()
    if problems := _inherit(config, parse(overrides, loader)[0], loader):
        raise ConfigError(problems)
    result = finish(config)
    result.model.settle()
    return result


def _inherit(config: DictConfig, overrides: Sequence[Override], loader: Loader) -> list[str]:
    """See `inherit`."""
    if not (sources(config.init) or config.data.tokenizer.run):
        return []
    own = Path(_home(config.run_dir)) if config.run_dir else None
    return inherit(config, _given(overrides, loader), own)


def _given(parsed: Sequence[Override], loader: Loader) -> list[str]:
    """Keys and groups of keys that overrides set, and the experiments that they choose; `model` where that is not the
    task's first one."""
    groups = loader.groups()
    chosen = [it.input_line or "" for it in parsed if it.key_or_group in groups]
    given = [it.key_or_group for it in parsed if it.key_or_group not in groups]
    for it in parsed:
        if it.key_or_group == "experiment" and it.value() is not None:
            value: Any = it.value()
            names = value if isinstance(value, list) else [value]
            given += [key for name in names for key in keys_set_by(loader, str(name))]
    made = choices_made(loader, chosen)
    return given if made["model"] == made["task"] else [*given, "model"]


def finish(composed: DictConfig) -> TrainConfig:
    """What Hydra composed as a `TrainConfig`, interpolations resolved and paths made absolute.

    Raises:
        ConfigError: with one sentence for each thing that is wrong.
    """
    config = composed.copy()
    with open_dict(config):
        config.pop("hydra", None)
    try:
        result = _as_object(config)
    except OmegaConfBaseException as error:
        raise ConfigError([first_line(error)]) from error
    problems = problems_of(result)
    if problems:
        raise ConfigError(problems)
    data, tokenizer = result.data, result.data.tokenizer
    result.run_dir = _home(result.run_dir)
    data.root = _absolute(data.root or ".")
    _expand_files(data)
    data.index_dir = _absolute(data.index_dir)
    tokenizer.source_model = _absolute(tokenizer.source_model)
    tokenizer.target_model = _absolute(tokenizer.target_model)
    tokenizer.run = _absolute(tokenizer.run)
    for part, path in sources(result.init).items():
        setattr(result.init, part, _absolute(path))
    return result


def _as_object(config: DictConfig) -> Any:
    """A `TrainConfig` of the values, which knows what of them the data is to decide."""
    result: Any = OmegaConf.to_object(config)
    given = [key for key in result.auto if key not in AUTO_KEYS or not missing_key(config, key)]
    result.auto = list(dict.fromkeys([*given, *auto_keys(config)]))
    return result


def refuse(overrides: Sequence[str], loader: Loader, multirun: bool = False) -> None:
    """Check overrides and every file that they choose, before Hydra composes them.

    Args:
        overrides: as on the command line.
        loader: of the files.
        multirun: whether `key=1,2` is a sweep, all jobs of which are checked.

    Raises:
        ConfigError: with one sentence for each thing that is wrong.
    """
    parsed, problems = parse(overrides, loader, multirun=multirun)
    if not multirun:
        sweeps = [
            override
            for override in parsed
            if override.is_sweep_override() and not override.is_hydra_override()
        ]
        problems += [
            f"{it.input_line}: several values are a sweep, which needs -m; a list is {it.key_or_group}=[a,b]"
            for it in sweeps
        ]
        parsed = [override for override in parsed if override not in sweeps]
    for job in _jobs(parsed):
        problems += _job_problems(job, loader, alone=not problems)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))


def choices_made(loader: Loader, chosen: Sequence[str]) -> dict[str, str]:
    """The choice in each group, those that no one makes included; arguments as for `read_choices`."""
    known = loader.defaults(list(chosen)).overrides.known_choices
    return {group: choice for group, choice in known.items() if choice}


def keys_set_by(loader: Loader, experiment: str) -> list[str]:
    """The keys that the file of an experiment sets."""
    loaded = loader.read(f"experiment/{experiment}")
    return list(_keys(loaded.config)) if loaded else []


def _keys(content: Any, prefix: str = "") -> Iterator[str]:
    for name, value in content.items():
        yield from _keys(value, f"{prefix}{name}.") if OmegaConf.is_dict(value) else [f"{prefix}{name}"]


def read_choices(config: DictConfig, loader: Loader, chosen: Sequence[str]) -> list[str]:
    """Put the files that choices lead to into `config`, in Hydra's order; returns what is wrong in them.

    Args:
        config: of type `TrainConfig`.
        loader: of the files.
        chosen: as `data=tsv`; there are such choices.

    Raises:
        ConfigError: they cannot be read.
    """
    try:
        return _read_files(config, loader, list(chosen))
    except MissingConfigException as error:
        raise ConfigError([_missing(error, chosen)]) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([first_line(error)]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{mark.name}, line {mark.line + 1}" if mark else "a configuration file"
        raise ConfigError([f"{place}: not valid YAML: {getattr(error, 'problem', None) or error}"]) from error


def first_line(error: BaseException) -> str:
    """The sentence of an error of Hydra's or OmegaConf's, whose further lines are about their insides."""
    key = getattr(error, "full_key", None)
    return (f"{key}: " if key else "") + str(error).strip().split("\n")[0]


def _jobs(overrides: Sequence[Override]) -> list[list[Override]]:
    """One list of overrides for each job of a sweep; an endless sweep is left to its sweeper."""
    parser = OverridesParser.create()
    alternatives = []
    for override in overrides:
        if not override.is_sweep_override():
            alternatives.append([override])
        elif override.is_discrete_sweep() and not override.is_hydra_override():
            key = override.get_key_element()
            alternatives.append(
                [parser.parse_override(f"{key}={value}") for value in override.sweep_string_iterator()]
            )
    return [list(job) for job in itertools.product(*alternatives)]


def _job_problems(overrides: Sequence[Override], loader: Loader, alone: bool) -> list[str]:
    """What is wrong with the overrides of one job and the files that they choose.

    Args:
        alone: nothing else was wrong, so that no contradiction is the consequence of what was left out.
    """
    problems = []
    for_hydra = [override.input_line or "" for override in overrides if override.is_hydra_override()]
    chosen, settings = list(for_hydra), []
    known_groups = loader.groups()
    for override in overrides:
        key, value, text = override.key_or_group, override.value(), override.input_line
        if override.is_hydra_override():
            continue
        if override.is_delete():
            problems.append(f"{text}: nothing of a configuration can be taken away; give another value")
        elif override.package is not None:
            problems.append(f"{text}: a choice has one place; write {key}={shown(value)}")
        elif key in known_groups:
            options = loader.choices(key, for_hydra)
            wanted = value if isinstance(value, list) else [value]
            unknown = [name for name in wanted if name not in options]
            if unknown and not (key == "experiment" and value is None):
                problems += [unknown_choice(key, name, options) for name in unknown]
            else:
                chosen.append(f"{key}={shown(value)}")
                if override.is_add() or override.is_force_add():
                    problems.append(f"{text}: write {key}={shown(value)}, without +")
        else:
            settings.append(override)

    config = OmegaConf.structured(TrainConfig)
    try:
        problems += read_choices(config, loader, chosen)
    except ConfigError as error:
        return [*problems, *error.problems]

    for override in settings:
        wrong = assign(config, override.key_or_group, override.value())
        if not wrong and override.is_add():
            wrong = [f"{override.input_line}: the key exists already; write it without +"]
        problems += wrong
    try:
        problems += _inherit(config, overrides, loader)
        result = _as_object(config)
    except OmegaConfBaseException as error:
        return [*problems, first_line(error)]
    except UserError as error:
        return [*problems, str(error)]
    problems += out_of_range(result)
    return problems or (contradictions(result) if alone else [])


def _read_files(config: DictConfig, loader: Loader, chosen: list[str]) -> list[str]:
    problems = []
    for default in loader.defaults(chosen).defaults:
        path, package = default.config_path, default.package
        loaded = loader.read(path, chosen) if path else None
        hydras = package == "hydra" or str(path).startswith("hydra/")
        if loaded is None or (hydras and not str(path).startswith(MODEL_KEYS)):
            continue
        schema = OmegaConf.get_type(loaded.config)
        if is_dataclass(schema):
            if package:
                config[package] = schema
            continue
        if package == "experiment":
            problems.append(
                f"{path}.yaml: must begin with the line `# @package _global_`, to set keys from the root"
            )
            continue
        content = OmegaConf.to_container(loaded.config, resolve=False)
        if not isinstance(content, dict):
            problems.append(f"in {path}.yaml: holds a list, not keys and values")
            continue
        for name, value in content.items():
            if name != "hydra":
                key = f"{package}.{name!s}" if package else str(name)
                problems += assign(config, key, value, f"{path}.yaml")
    return problems


def _missing(error: MissingConfigException, chosen: Sequence[str]) -> str:
    """A choice that no override made: it stands in the file of an experiment, which Hydra does not name."""
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    options = [name for name in error.options or () if not name.endswith(SCHEMA_SUFFIX)]
    if not group or not options:
        return first_line(error)
    experiments = [text.replace("=", "/") + ".yaml" for text in chosen if text.startswith("experiment=")]
    return f"in {experiments[0] if experiments else CONFIG_NAME + '.yaml'}: {unknown_choice(group, choice, options)}"


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(_home(path)).absolute())


def _expand_files(data: Any) -> None:
    """Writes out the ~ of files' names, which a shell leaves alone behind an =."""
    for field in fields(data):
        value = getattr(data, field.name)
        if is_dataclass(value):
            _expand_files(value)
        elif "files" in field.metadata:
            setattr(data, field.name, _home(value))


def _home(path: Any) -> Any:
    if isinstance(path, list):
        return [_home(each) for each in path]
    return os.path.expanduser(path) if path else path  # noqa: PTH111 - pathlib raises where there is no such user
