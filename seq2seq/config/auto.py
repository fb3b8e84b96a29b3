"""Values that the training data decides: `${auto:256}` in a file of conf/, a plain number in a run's config.yaml.

Composing a configuration reads no data: there such a key has the value in the brackets, so that everything can be
checked, and `TrainConfig.auto` names it. A run that starts asks its task for decisions (`seq2seq.runs.sizes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from seq2seq.config.root import TrainConfig

AUTO_KEYS = (
    "task.bleu_tokenizer",
    "data.tokenizer.vocabulary_size",
    "data.batch.size",
    "data.augment.speeds",
    "model.spec_augment.warmup_steps",
    "model.embedding.size",
    "model.embedding.tie",
    "model.embedding.dropout",
    "model.encoder.layers",
    "model.encoder.units",
    "model.encoder.projection",
    "model.encoder.dropout",
    "model.encoder.output_dropout",
    "model.head.dropout",
    "model.decoder.layers",
    "model.decoder.units",
    "model.decoder.dropout",
    "model.decoder.attention.layer_size",
    "model.decoder.attention.dropout",
    "optimizer.learning_rate",
    "training.max_steps",
    "training.validate_every",
    "training.early_stopping.patience",
    "training.report_every",
)
"""What can be decided, in the order in which decisions are told."""


class Decision(NamedTuple):
    """A value of a key, and the reason in a few words."""

    value: Any
    reason: str


AUTO_GROUPS = ("model", "optimizer", "training")
"""`model=auto`: all of the group's that can be decided."""


def with_auto(overrides: Sequence[str]) -> list[str]:
    """Overrides with `auto=[KEY, …]` in place of `KEY=auto` and `model=auto`."""
    keys = dict.fromkeys(key for text in overrides for key in _left_to_data(text))
    return [f"auto=[{','.join(keys)}]" if _left_to_data(text) else text for text in overrides]


def _left_to_data(override: str) -> list[str]:
    name, _, value = override.partition("=")
    if value != "auto":
        return []
    return [key for key in AUTO_KEYS if key == name or (name in AUTO_GROUPS and key.startswith(f"{name}."))]


def auto_keys(composed: DictConfig) -> list[str]:
    """The keys whose values are `${auto:…}`."""
    return [key for key in AUTO_KEYS if _is_auto(composed, key)]


def is_auto(written: Any) -> bool:
    """Whether a value, as a file of conf/ writes it, is one that the data decides."""
    return isinstance(written, str) and written.startswith("${auto:")


def _is_auto(composed: DictConfig, key: str) -> bool:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(composed, parent)
    written: Any = OmegaConf.to_container(node, resolve=False) if node is not None else {}
    return is_auto(written.get(name))


def value_of(config: Any, key: str) -> Any:
    """Of a dotted key, from the root."""
    return reduce(getattr, key.split("."), config)


def with_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """A copy that differs in these dotted keys."""
    changed = deepcopy(config)
    for key, value in values.items():
        parent, _, name = key.rpartition(".")
        setattr(value_of(changed, parent), name, value)
    return changed
