"""What a new run takes from runs that were trained, as `init` asks for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from seq2seq.config.groups.init import InitConfig, sources
from seq2seq.config.inherit import SHAPES
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import differences
from seq2seq.errors import UserError
from seq2seq.layers.parts import Part
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.runs.opened import open_source
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.text.matching import CommonPieces, common_pieces
from seq2seq.training.optim.taken import Taken
from seq2seq.training.transfer import Outcome, Transfer

logger = logging.getLogger(__name__)

EVERYTHING = "everything"
REST = "rest"


class Parent(NamedTuple):
    """A run that something is taken from.

    Attributes:
      config, tokenizers: of the run.
      parts: of its model, see ``EncoderDecoder.parts``.
      name: of the run and the checkpoint, for people.
    """

    config: TrainConfig
    tokenizers: Tokenizers
    parts: dict[str, Part]
    name: str


def build_taken(init: InitConfig) -> Taken | None:
    """What keeps back the weights that were taken; None where they move as all others do."""
    if not sources(init) or (not init.freeze_steps and init.rate == 1.0):
        return None
    return Taken(init.freeze_steps, init.rate)


def take_weights(
    config: TrainConfig, tokenizers: Tokenizers, model: EncoderDecoder, taken: Taken | None = None
) -> list[str]:
    """Gives a new model what fits it of the runs that `config.init` names.

    Args:
      config: of the new run. tokenizers: its own. model: new.
      taken: is told what was taken, too.

    Returns:
      A line for each part: what was taken, what was not, and why.

    Raises:
      UserError: a run or its checkpoint cannot be used, or nothing of a part fits.
    """
    transfer, lines, here, opened = Transfer(), [], model.parts(), cache(_open)
    for key, path in sources(config.init).items():
        if key not in (EVERYTHING, *here):
            raise UserError(f"init.{key}={path}: a model of task={config.task.name} has no {key}.")
        parent = opened(path)
        asked = {key: here[key]} if key != EVERYTHING else here
        outcomes = {name: _take(transfer, part, parent, name, tokenizers) for name, part in asked.items()}
        if not any(outcomes[name].fits for name in asked if name != REST):
            raise UserError(_nothing_fits(key, path, parent, config, outcomes))
        if key == EVERYTHING and parent.config.task.name == config.task.name:
            differing = _model_differences(parent.config, config)
            but = f" but for {', '.join(differing)}" if differing else ""
            lines.append(f"The model is that of {parent.name}{but}.")
        lines += _lines(parent, outcomes)
    if taken is not None:
        taken.mark(transfer.masks(model.trainable_variables))
    return lines


def _open(path: str) -> Parent:
    """The run with its weights.

    Raises:
      UserError: there is no run or no such checkpoint.
    """
    opened = open_source(path)
    if opened is None:
        raise UserError(
            f"init: {path} holds no run any more, and this run has not begun: put it back, or give another one."
        )
    return Parent(opened.config, opened.tokenizers, opened.model.parts(), opened.name)


def _take(transfer: Transfer, part: Part, parent: Parent, name: str, tokenizers: Tokenizers) -> Outcome:
    if name not in parent.parts:
        return Outcome(left=[f"a run of task={parent.config.task.name} has none"])

    @cache
    def pieces(here: str, there: str) -> CommonPieces:
        return common_pieces(getattr(tokenizers, here), getattr(parent.tokenizers, there))

    return transfer.take(part, parent.parts[name], pieces, parent.name)


def _lines(parent: Parent, outcomes: dict[str, Outcome]) -> list[str]:
    lines = []
    for name, outcome in outcomes.items():
        if outcome.taken or outcome.left:
            taken = (
                f"{', '.join(outcome.taken)} taken from {parent.name}" if outcome.taken else "nothing taken"
            )
            left = f"; not taken: {', '.join(outcome.left)}" if outcome.left else ""
            lines.append(f"{name}: {taken}{left}.")
    return lines


def _nothing_fits(
    key: str, path: str, parent: Parent, config: TrainConfig, outcomes: dict[str, Outcome]
) -> str:
    """One sentence: what differs, part by part, and the keys that make it so."""
    reasons = "; ".join(
        f"{name}: {', '.join(outcome.left)}" for name, outcome in outcomes.items() if outcome.left
    )
    if parent.config.task.name != config.task.name:
        return f"init.{key}={path}: is a run of task={parent.config.task.name}, of which nothing fits here ({reasons})."
    keys = _model_differences(parent.config, config, SHAPES[key])
    hint = f"; the models differ in {', '.join(keys)}" if keys else ""
    return f"init.{key}={path}: nothing of this run fits this model ({reasons}){hint}."


def _model_differences(
    there: TrainConfig, here: TrainConfig, keys: tuple[str, ...] = SHAPES[EVERYTHING]
) -> list[str]:
    """What is otherwise in two models of one task, as `model.bridge=copy (dense there)`; dropout, of which
    weights know nothing, aside."""
    return [
        re.sub(r"\(was (.*)\)$", r"(\1 there)", text)
        for text in differences(there, here)
        if text.startswith(keys) and not re.search("dropout|spec_augment", text)
    ]


def report(lines: Sequence[str]) -> None:
    """Says what `take_weights` says."""
    for line in lines:
        logger.info("%s", line)


def warm_start(
    config: TrainConfig, tokenizers: Tokenizers, model: EncoderDecoder, taken: Taken | None
) -> Any:
    """What the training loop calls before the first update; None where nothing is to be taken."""
    if not sources(config.init):
        return None
    return lambda: report(take_weights(config, tokenizers, model, taken))
