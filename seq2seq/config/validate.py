"""What a configuration may say.

Hydra and OmegaConf stop at the first thing that is wrong, and let `+decoding.beam_widht=3` through. Here keys are
walked against the dataclasses, and everything wrong is gathered, with the nearest valid name and what would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seq2seq.config.fields import Group
from seq2seq.config.ranges import are_files, described, is_mapping, named, out_of_range, shown, words
from seq2seq.config.root import TrainConfig
from seq2seq.config.spelling import suggestion
from seq2seq.config.words import choices_with, unknown_key, within_group


def assign(config: DictConfig, key: str, value: Any, where: str = "") -> list[str]:
    """Set a dotted key of a structured configuration, or say what is wrong with it.

    Args:
        config: the whole configuration, of type `TrainConfig`.
        key: dotted, from the root.
        value: as parsed from YAML or from an override; a mapping sets each of its keys.
        where: what a problem is said to be in (a file's name); empty for the command line.

    Returns:
        One sentence per problem; what is wrong is left unset.
    """
    said_in = f"in {where}: " if where else ""
    if problem := missing_key(config, key):
        return [said_in + problem]
    parent, _, name = key.rpartition(".")
    node: Any = OmegaConf.select(config, parent) if parent else config
    if is_dataclass(OmegaConf.get_type(node, name)):
        if not isinstance(value, Mapping):
            others, inner = choices_with(config, key, value=True), within_group(key)
            hint = f"; with {others} it is one" if others else ""
            hint = f"; did you mean {inner}={shown(value)}?" if inner else hint
            return [
                f"{said_in}{key}={shown(value)}: a group of keys ({', '.join(node[name])}), not a value{hint}"
            ]
        return [
            problem for inner in value for problem in assign(config, f"{key}.{inner}", value[inner], where)
        ]

    schema: Any = OmegaConf.get_type(node)
    expected = get_type_hints(schema)[name]
    metadata = next(field.metadata for field in fields(schema) if field.name == name)
    if isinstance(value, str) and value == "???":
        return [f"{said_in}{key}=???: not given"]
    if "files" in metadata and not are_files(value):
        return [f"{said_in}{key}={shown(value)}: must be a path or a list of paths"]
    if "mapping" in metadata and not is_mapping(value):
        return [f"{said_in}{key}={shown(value)}: must be a mapping, {{name: value}}, or null"]
    allowed = words(expected, metadata)
    unknown = [name for name in named(value, metadata) if name not in allowed]
    meant = suggestion(unknown[0] if unknown else value, allowed)
    refusal = f"{said_in}{key}={shown(value)}: must be {described(expected, metadata)}{meant}"
    if unknown:
        return [refusal]
    if expected is bool and isinstance(value, (int, float)) and value not in (0, 1):
        return [refusal]  # OmegaConf takes any number but 0 for true
    try:
        node[name] = value
    except (OmegaConfBaseException, OverflowError):
        return [refusal]
    return []


def missing_key(config: DictConfig, key: str) -> str:
    """The sentence about a key (dotted, from the root) that a configuration does not have; empty where it has it."""
    node: Any = config
    parts = key.split(".")
    for depth, part in enumerate(parts):
        above = ".".join(parts[:depth])
        if not is_group(config, above):
            others = choices_with(config, above, value=False)
            hint = f"; with {others} it has" if others else ""
            if parts[depth - 1] == "options":
                hint = f"; write {above}={{{'.'.join(parts[depth:])}: …}}"
            return f"{key}: {above} is a value, it has no keys{hint}"
        if part not in node:
            return unknown_key(config, key, above, node)
        node = node[part]
    return ""


def is_group(config: DictConfig, key: str) -> bool:
    """Whether a key that there is (dotted, from the root; empty for that) has keys of its own."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return not key or is_dataclass(OmegaConf.get_type(node, name))


def unknown_choice(group: str, choice: Any, options: Iterable[str]) -> str:
    options = sorted(options)
    hint = suggestion(choice, options) or ";"
    return f"{group}={shown(choice)}: no such choice{hint} valid: {', '.join(options)}"


def problems_of(config: TrainConfig) -> list[str]:
    """Everything that is wrong with the values of a configuration, one sentence each."""
    return out_of_range(config) or contradictions(config)


def contradictions(config: TrainConfig) -> list[str]:
    """Fields of the right type and range that do not go together, and what must be given but is not."""
    return [problem for group in _groups(config) for problem in group.problems(config)]


def _groups(group: Group) -> Iterator[Group]:
    """It, and all groups in it."""
    yield group
    for field in fields(group):  # type: ignore[arg-type]
        value = getattr(group, field.name)
        if isinstance(value, Group):
            yield from _groups(value)
