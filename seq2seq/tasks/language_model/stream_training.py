"""A language model that is trained on its text as one sequence: truncated back-propagation through time."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from seq2seq.config.groups.data import BatchType
from seq2seq.config.groups.language_model import LanguageModelTaskConfig
from seq2seq.config.groups.masking import MaskingPolicy
from seq2seq.config.root import TrainConfig
from seq2seq.datasets.batches.stream import WHOLE, ReplicaSharding
from seq2seq.datasets.batches.windows import (
    WINDOW_SIGNATURE,
    Window,
    WindowMaker,
    longest_window,
    window_plan,
)
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.state import States, reset_rows
from seq2seq.tasks.language_model.model import LanguageModel
from seq2seq.tasks.language_model.training import LanguageModelTraining, window_loss
from seq2seq.tasks.loss import Loss
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.training.carried_state import CarriedState


class StreamTraining(LanguageModelTraining):
    """The text is cut into rows of one length, which are read in parallel, a window of each in every update; a row goes
    on from the state that it had after the window before, through which no gradient flows.

    Args:
      config: of the run.
      train: the text.
      tokenizer: made the index.
      Others as for ``TrainingTask``.
    """

    def __init__(
        self,
        config: TrainConfig,
        *,
        train: PairIndex,
        tokenizer: Tokenizer,
        sharding: ReplicaSharding = WHOLE,
        **shared: Any,
    ) -> None:
        stream, batch = cast(LanguageModelTaskConfig, config.task).stream, config.data.batch
        tokens = batch.type is BatchType.tokens
        self._rows = max(1, batch.size // stream.window) if tokens else batch.size
        self._sharding = sharding
        static = config.masking.policy is MaskingPolicy.static
        maker = WindowMaker(
            train,
            tokenizer,
            rows=-(-self._rows // (sharding.replicas * sharding.micro_batches)),
            width=longest_window(stream.window, stream.random_window) if static else 0,
        )
        length = (len(maker.sequence), self._rows, stream.window)
        plan = partial(window_plan, *length, random=stream.random_window, seed=config.seed)
        super().__init__(
            config.task,
            maker=maker,
            plan=lambda epoch: plan(epoch=epoch),
            signature=WINDOW_SIGNATURE,
            seed=config.seed,
            sharding=sharding,
            **shared,
        )
        if stream.random_window:
            self.full_batch = float(min(self._rows * stream.window, len(maker.sequence)))

    def carried_state(self, model: LanguageModel) -> CarriedState:
        return CarriedState(model.start(self._rows), self._sharding)

    def loss(  # type: ignore[override]
        self, model: LanguageModel, batch: Window, training: bool, states: States
    ) -> tuple[Loss, States]:
        options = cast(LanguageModelTaskConfig, self.config)
        return window_loss(model, batch, training, options, reset_rows(states, batch.begins))
