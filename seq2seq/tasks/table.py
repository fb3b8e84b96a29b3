"""The tasks by name. A new one is a folder beside those here, and a line in this table."""

from __future__ import annotations

from seq2seq.config.root import TrainConfig
from seq2seq.tasks.contract import Task
from seq2seq.tasks.speech.task import SpeechTask
from seq2seq.tasks.translation.task import TranslationTask

TASKS: dict[str, type[Task]] = {"translation": TranslationTask, "speech": SpeechTask}


def task_of(config: TrainConfig) -> Task:
    """The task that a configuration chooses."""
    return TASKS[str(config.task.name)](config)


def names_with(verb: str) -> list[str]:
    """The tasks whose runs can be asked to do something; see `Task.verbs`."""
    return [name for name, task in TASKS.items() if verb in task.verbs]
