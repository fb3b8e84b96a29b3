"""Checkpoints that are whole or not there.

A checkpoint is a folder:

    step-00001200/
        weights.*        the model as validation saw it (with a moving average: the average); enough for
        inference training.*       the rest of what is needed to go on: weights, slots, averages; the newest
        two keep it checkpoint.json  step, metrics, state of the loop, and the checksums of the files above

It is written under a temporary name and renamed once everything is on disk. A folder whose checksums do not
agree is passed over for the one before it.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from seq2seq.errors import UserError
from seq2seq.files import atomic_directory, file_checksum, plain_path, writing

logger = logging.getLogger(__name__)

MANIFEST = "checkpoint.json"
WEIGHTS = "weights"
TRAINING = "training"
_KEPT_TO_GO_ON = 2
_OPTIONAL = ("average", "loss_scale")  # trackables that may be turned on and off while a run goes on


@dataclass(frozen=True)
class Checkpoint:
    """What checkpoint.json says of the checkpoint in the folder `path`."""

    path: Path
    step: int
    metrics: Mapping[str, float] = field(
        default_factory=dict
    )  # of the validation at this step, if there was one
    best: bool = False  # the best validation up to this step
    milestone: bool = True  # one of the regular ones, which averaging counts; False: made for going on only
    state: Mapping[str, Any] = field(default_factory=dict)  # of the loop, plain JSON
    checksums: Mapping[str, int] = field(default_factory=dict)  # CRC-32 by file name
    averaged_steps: tuple[int, ...] = ()  # where the weights are the average of these steps'

    def damage(self, files: str = WEIGHTS) -> str | None:
        """What is wrong with the files whose name begins with `files`, or None; reads them all."""
        for name, checksum in self.checksums.items():
            path = self.path / name
            if not name.startswith(files):
                continue
            if not path.is_file():
                return f"{name} is missing"
            if file_checksum(path) != checksum:
                return f"{name} is not what was written"
        return None

    def holds(self, name: str) -> bool:
        """Whether there is something of the trackable `name` among what is kept to go on."""
        return name in _names(self.path / TRAINING)

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Raises ValueError where checkpoint.json is missing or is not one."""
        try:
            content = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            content["averaged_steps"] = tuple(content["averaged_steps"])
            checkpoint = cls(path=path, **content)
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{MANIFEST} cannot be read ({error})") from error
        if type(checkpoint.step) is not int or not isinstance(checkpoint.checksums, dict):
            raise ValueError(f"{MANIFEST} does not describe a checkpoint")
        return checkpoint

    def write_manifest(self) -> None:
        content = {name: value for name, value in vars(self).items() if name != "path"}
        (self.path / MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


class CheckpointStore:
    """The checkpoints of one run.

    Kept are the newest `keep` milestones, the newest best one, and the newest two whatever they are.

    Args:
        directory: made when the first checkpoint is written.
        keep: number of milestones kept, for averaging.
    """

    def __init__(self, directory: str | Path, *, keep: int = 5) -> None:
        self.directory = Path(directory)
        self.keep = keep

    def save(
        self,
        *,
        step: int,
        model: Any,
        training: Mapping[str, Any],
        state: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
        best: bool = False,
        milestone: bool = True,
        weights_as_used: AbstractContextManager[None] | None = None,
    ) -> Checkpoint:
        """Writes a checkpoint, then removes those that are no longer kept.

        Args:
            model: trackable; its variables alone go into `weights`.
            training: named trackables, all of what going on needs.
            state: of the loop; plain JSON.
            weights_as_used: entered while `weights` is written (swaps averages in).

        Raises:
            UserError: if the disk is full or cannot be written; the earlier checkpoints are as they were.
        """
        path = self.directory / f"step-{step:08d}"
        with new_checkpoint(path) as temporary:
            with weights_as_used or nullcontext():
                write_trackables(temporary / WEIGHTS, model=model)
            write_trackables(temporary / TRAINING, **training)
            checkpoint = Checkpoint(
                path=temporary,
                step=step,
                metrics=dict(metrics or {}),
                best=best,
                milestone=milestone,
                state=state,
                checksums=checksums(temporary),
            )
            checkpoint.write_manifest()
        self._remove_superseded()
        return Checkpoint.read(path)

    def all(self) -> list[Checkpoint]:
        """The checkpoints by step, oldest first, without looking at their weights."""
        found = []
        for path in self.directory.glob("step-*"):
            try:
                found.append(Checkpoint.read(path))
            except ValueError as error:
                logger.warning("Checkpoint %s is passed over: %s.", path, error)
        return sorted(found, key=lambda checkpoint: checkpoint.step)

    def milestones(self) -> list[Checkpoint]:
        """The regular checkpoints, oldest first: what averaging takes the last N of."""
        return [checkpoint for checkpoint in self.all() if checkpoint.milestone]

    def restore_latest(self, training: Mapping[str, Any]) -> Checkpoint | None:
        """Restores `training` from the newest undamaged checkpoint; None if there is no checkpoint at all.

        Raises:
            UserError: if every checkpoint is damaged, or the newest whole one belongs to another model.
        """
        newest_first = self.all()[::-1][:_KEPT_TO_GO_ON]
        for checkpoint in _undamaged(newest_first, TRAINING):
            _restore(checkpoint.path / TRAINING, training)
            self._set_aside_after(checkpoint)
            return checkpoint
        if any(self.directory.glob("step-*")):
            raise UserError(
                f"No checkpoint in {self.directory} is whole enough to go on from; give another run_dir."
            )
        return None

    def restore_training(self, training: Mapping[str, Any], name: str) -> Checkpoint:
        """Restores `training` from the checkpoint `name`, which another process has found whole.

        Raises:
            UserError: if it is not there, or belongs to another model.
        """
        checkpoint = self._named(name)
        _restore(checkpoint.path / TRAINING, training)
        return checkpoint

    def find(self, which: str | Path = "best") -> Checkpoint:
        """`best`, `latest`, the name of a checkpoint in this store (`step-00001200`, `average-5`), or a path
        of one.

        Best and latest pass over damaged checkpoints with a warning.

        Raises:
            UserError: if there is none.
        """
        if str(which) not in ("best", "latest"):
            return self._named(which)
        newest_first = self.all()[::-1]
        if not newest_first:
            raise UserError(f"{self.directory} holds no checkpoint; train the run first.")
        if (
            which == "best"
        ):  # the newest that was called so; where there is none, or it is damaged, the newest
            newest_first.sort(key=lambda checkpoint: not checkpoint.best)
        for checkpoint in _undamaged(newest_first):
            return checkpoint
        raise UserError(f"Every checkpoint in {self.directory} is damaged.")

    def restore_weights(self, model: Any, which: str | Path = "best") -> Checkpoint:
        """Restores the variables of `model`, built by now, from the checkpoint that `find` finds.

        Raises:
            UserError: if there is none, or it belongs to another model.
        """
        checkpoint = self.find(which)
        _restore(checkpoint.path / WEIGHTS, {"model": model})
        return checkpoint

    def _named(self, which: str | Path) -> Checkpoint:
        path = self.directory / which  # an absolute `which` stands for itself
        if not path.is_dir():
            path = Path(which)
        if not path.is_dir():
            names = ", ".join(
                ["best", "latest", *sorted(entry.name for entry in self.directory.glob("[!.]*"))]
            )
            raise UserError(f"There is no checkpoint '{which}' in {self.directory}; there are: {names}.")
        try:
            checkpoint = Checkpoint.read(path)
        except ValueError as error:
            raise UserError(f"{path} is not a checkpoint: {error}.") from error
        damage = checkpoint.damage()
        if damage:
            raise UserError(f"The checkpoint {path} is damaged: {damage}.")
        return checkpoint

    def _set_aside_after(self, checkpoint: Checkpoint) -> None:
        """Renames the damaged checkpoints that are newer, lest they be taken for the newest again."""
        for path in self.directory.glob("step-*"):
            if path.name > checkpoint.path.name:
                aside = path.with_name(f"damaged-{path.name}")
                with writing(aside.name, self.directory):
                    shutil.rmtree(aside, ignore_errors=True)
                    path.rename(aside)

    def _remove_superseded(self) -> None:
        checkpoints = self.all()
        newest = checkpoints[-_KEPT_TO_GO_ON:]
        best = [checkpoint for checkpoint in checkpoints if checkpoint.best][-1:]
        milestones = [checkpoint for checkpoint in checkpoints if checkpoint.milestone][-self.keep :]
        for checkpoint in checkpoints:
            if checkpoint in newest:
                continue
            if checkpoint in best or checkpoint in milestones:
                for path in checkpoint.path.glob(f"{TRAINING}.*"):
                    path.unlink()
            else:
                shutil.rmtree(checkpoint.path, ignore_errors=True)


def new_checkpoint(path: Path) -> AbstractContextManager[Path]:
    """Gives a temporary folder to write a checkpoint into, and names it `path` once all of it is on disk.

    Raises:
        UserError: if the disk is full or cannot be written; whatever was at `path` is then still there.
    """
    return atomic_directory(path, f"The checkpoint {path.name} (earlier ones are as they were)")


def write_trackables(prefix: Path, **trackables: Any) -> None:
    """Writes the variables of `trackables` to `prefix`, whatever its folder is called."""
    with plain_path(prefix.parent) as folder:
        tf.train.Checkpoint(**trackables).write(str(folder / prefix.name))


def checksums(folder: Path) -> dict[str, int]:
    """CRC-32 of each file in `folder`, by name."""
    return {path.name: file_checksum(path) for path in sorted(folder.iterdir())}


def _undamaged(checkpoints: Iterable[Checkpoint], files: str = WEIGHTS) -> Iterator[Checkpoint]:
    for checkpoint in checkpoints:
        damage = checkpoint.damage(files)
        if damage is None:
            yield checkpoint
        else:
            logger.warning(
                "Checkpoint %s is damaged (%s) and passed over for another.", checkpoint.path, damage
            )


def _names(prefix: Path) -> set[str]:
    """Of the trackables that were written."""
    return {name.partition("/")[0] for name, _ in tf.train.list_variables(str(prefix))}


def _restore(prefix: Path, trackables: Mapping[str, Any]) -> None:
    """Optional trackables that were off when it was written stay as they are."""
    try:
        with plain_path(prefix.parent) as folder:
            plain = folder / prefix.name
            absent = set(_OPTIONAL) - _names(plain)
            present = {name: value for name, value in trackables.items() if name not in absent}
            status = tf.train.Checkpoint(**present).read(str(plain))
        status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"The checkpoint {prefix.parent} does not fit this model: {reason}") from error
