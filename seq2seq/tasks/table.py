"""The tasks by name: `seq2seq.config.tables.TASKS` has their keys, and these say what carries them out."""

from __future__ import annotations

from pkgutil import resolve_name

from seq2seq.config.root import TrainConfig
from seq2seq.config.tables import TASKS
from seq2seq.search import LanguageModel
from seq2seq.tasks.contract import Task


def task_class(name: str) -> type[Task]:
    """What carries a task out."""
    task: type[Task] | str = TASKS[name].implementation
    return resolve_name(task) if isinstance(task, str) else task


def task_of(config: TrainConfig, fused: LanguageModel | None = None) -> Task:
    """The task that a configuration chooses; arguments as for `Task`."""
    return task_class(config.task.name)(config, fused)


def names_with(verb: str) -> list[str]:
    """The tasks whose runs can be asked to do something; see `Task.verbs`."""
    return [name for name in TASKS if verb in task_class(name).verbs]
