"""What conf/ relies on: the typed schemas, and the resolvers of bundled data and of the help page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from seq2seq.config.contents import contents
from seq2seq.config.schema import DATA_FORMATS, MODELS, TASKS, TrainConfig

#: Choices of this ending are types that YAML files begin with, not for users.
SCHEMA_SUFFIX = "_schema"


def bundled(name: str) -> str:
    """`${bundled:NAME}`: the folder of a data sample that ships with the package."""
    return str(resources.files("seq2seq.sample") / name)


def pick(word: str, values: Mapping[str, Any]) -> Any:
    """`${pick:WORD,{a:1,b:2}}`: the value of a word."""
    return values[str(word)]


def register() -> None:
    """Idempotent; called before anything is composed."""
    OmegaConf.register_new_resolver("bundled", bundled, replace=True)
    OmegaConf.register_new_resolver("pick", pick, replace=True)
    OmegaConf.register_new_resolver("contents", contents, replace=True)
    store = ConfigStore.instance()
    store.store(name="train" + SCHEMA_SUFFIX, node=TrainConfig)
    for data_format, schema in DATA_FORMATS.items():
        store.store(group="data", name=data_format.value + SCHEMA_SUFFIX, node=schema)
    for task in TASKS:
        store.store(group="task", name=task.value + SCHEMA_SUFFIX, node=TASKS[task])
        store.store(group="model", name=task.value + SCHEMA_SUFFIX, node=MODELS[task])
