"""What a run that goes on must find as it was, and what may change.

The configuration may differ where `CHANGEABLE` says so. The data may lie elsewhere, but not be other data. The learning
rate goes on along the run's own schedule: its length is a part of the run, which `training.epochs` does not change.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seq2seq.config.groups.init import PARTS
from seq2seq.config.groups.optimizer import SCHEDULES, OptimizerConfig, ScheduleConfig
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import CHANGEABLE, differences
from seq2seq.errors import ConfigError, UserError
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.training import TrainingTask
from seq2seq.training.build import build_schedule, run_length
from seq2seq.training.checkpoints.store import CheckpointStore

logger = logging.getLogger(__name__)

_SCHEDULE_KEYS = ("total_steps", "minimum")  # that may change
_USES = {"train": "trained", "val": "validated"}


def refuse_another_run(saved: TrainConfig, config: TrainConfig, folder: Path) -> None:
    """Names what would make another run of it.

    Raises:
        ConfigError: something differs that may not change.
    """
    changed = [text for text in differences(saved, config) if not text.startswith(CHANGEABLE)]
    if changed:
        raise ConfigError([f"{text}: {folder} holds {_refusal(text, folder)}" for text in changed])


def _refusal(change: str, folder: Path) -> str:
    if change.startswith(tuple(f"init.{part}=" for part in PARTS)):
        return (
            f"a run that has its weights already; `seq2seq train {folder}` goes on with it, and another run_dir begins"
            " anew"
        )
    return "a run of another value; give another run_dir"


def run_state(
    config: TrainConfig,
    saved: TrainConfig,
    *,
    task: TrainingTask,
    tokenizers: Tokenizers,
    store: CheckpointStore,
    folder: Path,
) -> dict[str, Any]:
    """What every checkpoint of a run says of the run, plain JSON.

    `data` is that of `describe_data`, `schedule` the keys of `optimizer.schedule` that may change, resolved. Logs what
    becomes of the learning rate.

    Args:
        config: of now.
        saved: of the run's first start; `config` where this is the first.
        task, tokenizers: of now.
        store: the run's checkpoints, if there are any.
        folder: the run's.

    Raises:
        UserError: the data is not what the run was trained on.
    """
    data = describe_data(task, tokenizers)
    checkpoints = store.all()
    if not checkpoints:
        schedule = first_schedule(config, task.steps_per_epoch(0))
    else:
        last = checkpoints[-1]
        refuse_other_data(last.state.get("data"), data, folder)
        schedule = continued_schedule(
            config,
            saved,
            last.state.get("schedule", {}),
            steps_per_epoch=task.steps_per_epoch(0),
            step=last.step,
        )
    return {"data": data, "schedule": {key: getattr(schedule, key) for key in _SCHEDULE_KEYS}}


def resume_command(folder: Path, saved: TrainConfig, config: TrainConfig) -> str:
    """What a user types to go on with the run in `folder` as it is going on now."""
    program = ["python", "train.py"] if Path(sys.argv[0]).name == "train.py" else ["seq2seq", "train"]
    changes = [text.rpartition(" (was ")[0] for text in differences(saved, config)]
    return shlex.join([*program, f"run_dir={folder}", *changes])


# --- data ---


def describe_data(task: TrainingTask, tokenizers: Tokenizers) -> dict[str, Any]:
    """What a run is trained on, plain JSON: digests of tokenizers, and what `TrainingTask.fingerprint` gives."""
    return {"tokenizers": [tokenizer.fingerprint for tokenizer in tokenizers], **task.fingerprint()}


def refuse_other_data(before: Mapping[str, Any] | None, now: Mapping[str, Any], folder: Path) -> None:
    """Says in one sentence how the data differs from what a checkpoint was trained on.

    Args:
        before: `describe_data` of the checkpoint; None in those of earlier versions.
        now: the same of what the configuration names.
        folder: the run's.

    Raises:
        UserError: it differs.
    """
    if before is None:
        logger.warning(
            "%s was trained by an earlier version, which did not record its data: it goes on with what is there now.",
            folder,
        )
        return
    changes = _changes(before, now)
    if changes:
        raise UserError(
            f"{folder}: the data is not what this run was trained on ({'; '.join(changes)}). Put it back to go on, or"
            " start anew with another run_dir."
        )
    if before["plan"] != now["plan"]:
        logger.warning(
            "This version plans other batches from the same data: the run goes on, not bit for bit as it would have."
        )


def refuse_other_tokenizers(tokenizers: Tokenizers, store: CheckpointStore, folder: Path) -> None:
    """Makes sure that a run has the tokenizers it was trained with: others would turn its ids into other words.

    Raises:
        UserError: they are others.
    """
    recorded = [checkpoint.state["data"] for checkpoint in store.all() if "data" in checkpoint.state]
    if recorded and recorded[-1]["tokenizers"] != [tokenizer.fingerprint for tokenizer in tokenizers]:
        raise UserError(
            f"{folder / 'tokenizer'} does not hold the tokenizer that this run was trained with; put that back, or"
            " train anew with another run_dir."
        )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changes = []
    for split in _USES:
        old, new = before[split], now[split]
        if old["examples"] != new["examples"]:
            use = f"the run was {_USES[split]} on {old['examples']:,}"
            changes.append(f"{split}: {new['examples']:,} {new['unit']}, {use}")
        elif old["digest"] != new["digest"]:
            changes.append(f"{split}: the content of its {new['examples']:,} {new['unit']} has changed")
    return changes


# --- learning rate ---


def first_schedule(config: TrainConfig, steps_per_epoch: int) -> ScheduleConfig:
    """The schedule of a run that begins: as long as the run, where the configuration does not say how long."""
    schedule = config.optimizer.schedule
    return replace(schedule, total_steps=schedule.total_steps or run_length(config.training, steps_per_epoch))


def continued_schedule(
    config: TrainConfig,
    saved: TrainConfig,
    recorded: Mapping[str, Any],
    *,
    steps_per_epoch: int,
    step: int,
) -> ScheduleConfig:
    """The schedule of a run that goes on: the run's own, but for what is asked for now; says what becomes of the rate.

    Args:
        config: of now.
        saved: of the run's first start.
        recorded: what the last checkpoint says of the schedule, which an earlier resumption may have changed; nothing
            in those of earlier versions.
        steps_per_epoch: of both.
        step: of the last checkpoint.
    """
    before = replace(first_schedule(saved, steps_per_epoch), **recorded)
    asked = {
        key: getattr(config.optimizer.schedule, key)
        for key in _SCHEDULE_KEYS
        if getattr(config.optimizer.schedule, key) != getattr(saved.optimizer.schedule, key)
    }
    end, planned = run_length(config.training, steps_per_epoch), run_length(saved.training, steps_per_epoch)
    if asked.get("total_steps") == 0:
        asked["total_steps"] = end
    schedule = replace(before, **asked)
    has_end = "total_steps" in SCHEDULES[schedule.name].takes
    if has_end and step < end and (schedule != before or end != planned):
        _report_rates(config, before, schedule, step=step, end=end)
    return schedule


def _report_rates(
    config: TrainConfig, before: ScheduleConfig, schedule: ScheduleConfig, *, step: int, end: int
) -> None:
    """Says where the learning rate leaves its old path, and where it ends otherwise than at the run's end."""
    total, relaid = schedule.total_steps, f"optimizer.schedule.total_steps={end}"
    rate = _rate(config.optimizer, schedule, step + 1)
    if schedule != before:
        logger.warning(
            "The learning rate of step %d is %.3g, not %.3g: %s.",
            step + 1,
            rate,
            _rate(config.optimizer, before, step + 1),
            " and ".join(
                f"optimizer.schedule.{key}={getattr(schedule, key)} (was {getattr(before, key)})"
                for key in _SCHEDULE_KEYS
                if getattr(schedule, key) != getattr(before, key)
            ),
        )
    if end == total:
        return
    anew = _rate(config.optimizer, replace(schedule, total_steps=end), step + 1)
    choice = f"{relaid} lays it out over the whole run (the rate of step {step + 1} is then {anew:.3g}, not {rate:.3g})"
    if end < total:
        last = _rate(config.optimizer, schedule, end)
        logger.info(
            "The run ends at step %d, and the %s of its learning rate has %d steps: the last rate is %.3g. %s.",
            end,
            schedule.name,
            total,
            last,
            choice,
        )
        return
    floor = schedule.minimum * config.optimizer.learning_rate
    nothing = ", so that nothing more is learnt" if not floor else ""
    small = "" if floor else "; optimizer.schedule.minimum=0.05 goes on at a twentieth of the full rate"
    logger.warning(
        "The run goes on to step %d, and the %s of its learning rate ends at step %d: from there on the rate stays"
        " at %.3g%s. %s%s.",
        end,
        schedule.name,
        total,
        floor,
        nothing,
        choice,
        small,
    )


def _rate(optimizer: OptimizerConfig, schedule: ScheduleConfig, step: int) -> float:
    return float(build_schedule(replace(optimizer, schedule=schedule), schedule.total_steps)(step))
