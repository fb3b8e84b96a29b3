"""What conf/ relies on: the typed schemas, and the resolvers of its values."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from seq2seq.config.groups.model import BaseModelConfig
from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import DATA_FORMATS, TASKS, models

#: Choices of this ending are types that YAML files begin with, not for users.
SCHEMA_SUFFIX = "_schema"

#: The keys of each task's model, chosen with the task: a group that Hydra knows and no user sees.
MODEL_KEYS = "hydra/model_keys"

_registered: list[tuple[str, str, Any]] = []


def bundled(name: str) -> str:
    """`${bundled:NAME}`: the folder of a data sample that ships with the package."""
    return str(resources.files("seq2seq.sample") / name)


def pick(word: str, values: Mapping[str, Any]) -> Any:
    """`${pick:WORD,{a:1,b:2,other:3}}`: the value of a word."""
    return values[str(word)] if str(word) in values else values["other"]


def auto(until_then: Any) -> Any:
    """`${auto:256}`: a value that the training data decides when a run starts; 256 where there is none to look at."""
    return until_then


def register() -> None:
    """Called before anything is composed; does nothing where all is as it was."""
    global _registered
    groups = {"task": TASKS, "data": DATA_FORMATS, "model": models()}
    schemas = [(group, name, schema) for group, table in groups.items() for name, schema in table.items()]
    if schemas == _registered:
        return
    OmegaConf.register_new_resolver("bundled", bundled, replace=True)
    OmegaConf.register_new_resolver("pick", pick, replace=True)
    OmegaConf.register_new_resolver("auto", auto, replace=True)
    store = ConfigStore.instance()
    for group, name, _ in _registered:  # of which a table may have lost some
        for suffix in ("", SCHEMA_SUFFIX):
            store.repo[group].pop(f"{name}{suffix}.yaml", None)
    # Hydra puts a model in the place of one that it is derived from, and of no other: the task's comes first.
    store.store(name="train" + SCHEMA_SUFFIX, node=TrainConfig(model=BaseModelConfig()))
    for name, schema in models().items():
        store.store(group=MODEL_KEYS, name=name, node=schema, package="model")
    for group, name, schema in schemas:
        store.store(group=group, name=name + SCHEMA_SUFFIX, node=schema)
        if not (resources.files("seq2seq.conf") / group / f"{name}.yaml").is_file():
            store.store(group=group, name=name, node=schema)  # without a file its defaults are the choice
    _registered = schemas
