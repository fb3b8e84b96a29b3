"""The whole configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from seq2seq.config.auto import AUTO_KEYS
from seq2seq.config.fields import Group, choices_of, group, number, option
from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.export import ExportConfig
from seq2seq.config.groups.hardware import HardwareConfig
from seq2seq.config.groups.init import InitConfig
from seq2seq.config.groups.masking import MaskingConfig
from seq2seq.config.groups.model import BaseModelConfig, ModelConfig
from seq2seq.config.groups.optimizer import OptimizerConfig
from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.groups.task import TaskConfig
from seq2seq.config.groups.training import TrainingConfig


@dataclass
class TrainConfig(Group):
    """The whole configuration."""

    task: TaskConfig = group(TaskConfig, "One of the tasks, by the choice of task=.")
    data: DataConfig = group(DataConfig, "One of the formats, by the choice of data=.")
    model: BaseModelConfig = group(ModelConfig)
    init: InitConfig = group(InitConfig)
    masking: MaskingConfig = group(MaskingConfig)
    hardware: HardwareConfig = group(HardwareConfig)
    optimizer: OptimizerConfig = group(OptimizerConfig)
    search: SearchConfig = group(SearchConfig)
    training: TrainingConfig = group(TrainingConfig)
    export: ExportConfig = group(ExportConfig)
    seed: int = number(1, "of every random generator", at_least=0, at_most=2**32 - 1)
    auto: list[str] = choices_of(
        AUTO_KEYS,
        "keys that the training data decides when a run starts: `KEY=auto`, `model=auto`, and ${auto:…} in conf/",
    )
    run_dir: Optional[str] = option(None, "the run's folder; without it one is made under runs/")
