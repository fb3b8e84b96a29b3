"""What decides together with a run: further models, and a language model."""

from __future__ import annotations

from typing import Any

from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.ranges import shown
from seq2seq.errors import UserError
from seq2seq.hardware.devices import uses_gpu
from seq2seq.runs.opened import Opened, open_source
from seq2seq.search import LanguageModel
from seq2seq.tasks.contract import Member
from seq2seq.tasks.table import task_of

COMBINED = ("ensemble", "language_model")


def refuse_in_training(search: SearchConfig) -> None:
    """
    Raises:
      UserError: others are to decide together with a model that is being trained.
    """
    for key in COMBINED:
        if value := getattr(search, key):
            raise UserError(
                f"search.{key}={shown(value)}: runs are trained and validated alone; it is for evaluate, predict, tune."
            )


def refuse_in_export(search: SearchConfig) -> None:
    """
    Raises:
      UserError: others are to decide together with an exported model.
    """
    for key in COMBINED:
        if value := getattr(search, key):
            raise UserError(
                f"search.{key}={shown(value)}: an export is of one model alone; write search.{key}=null."
            )


def with_members(first: Opened) -> Any:
    """The model of a run, or with ``search.ensemble`` its ensemble.

    Args:
      first: the run, whose configuration says what else there is; the others are searched and mask padding as it does.

    Raises:
      UserError: one of the others is no run, or does not go with the first.
    """
    search = first.config.search
    if not search.members:
        return first.model
    members = [Member(first.name, first.config, first.model)]
    for path in search.members:
        other = _open("search.ensemble", path, first)
        _require_same("search.ensemble", first, other)
        members.append(Member(other.name, other.config, other.model))
    return task_of(first.config).ensemble(members, str(search.ensemble_mean))


def fused_language_model(first: Opened) -> LanguageModel | None:
    """The one of ``search.language_model``; None where there is none.

    Raises:
      UserError: it is no run of a language model, or one of another vocabulary.
    """
    path = first.config.search.language_model
    if path is None:
        return None
    other = _open("search.language_model", path, first)
    try:
        model = task_of(other.config).language_model(other.model)
    except UserError as error:
        raise UserError(f"search.language_model={path}: {error}; give one of task=language_model.") from error
    if other.tokenizers.target.fingerprint != first.tokenizers.target.fingerprint:
        run = first.name.rpartition(" (")[0]
        raise UserError(
            f"search.language_model={path}: has another vocabulary than the targets of {run}; train it with that"
            f" run's tokenizer, by data.tokenizer.run={run}."
        )
    return model


def _open(key: str, path: str, first: Opened) -> Opened:
    opened = open_source(path, masking=first.config.masking, gpu=uses_gpu())
    if opened is None:
        raise UserError(
            f"{key}={path}: holds no run (no config.yaml); give a folder made by `seq2seq train`, or"
            " RUN/checkpoints/NAME."
        )
    return opened


def _require_same(key: str, first: Opened, other: Opened) -> None:
    """
    Raises:
      UserError: two runs are of different tasks or tokenizers.
    """
    here, there = first.config.task.name, other.config.task.name
    if here != there:
        raise UserError(f"{key}: {other.name} is a run of task={there}, and {first.name} of task={here}.")
    sides = [
        side
        for side, one, two in zip(first.tokenizers._fields, first.tokenizers, other.tokenizers)
        if one.fingerprint != two.fingerprint
    ]
    if sides:
        run = first.name.rpartition(" (")[0]
        raise UserError(
            f"{key}: {other.name} has another {' and '.join(sides)} tokenizer than {first.name}; train it with"
            f" data.tokenizer.run={run}."
        )
