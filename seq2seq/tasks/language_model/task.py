"""The language model, as the contract of tasks has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from seq2seq.config.auto import Decision
from seq2seq.config.groups.language_model import (
    LanguageModelConfig,
    LanguageModelTaskConfig,
    StreamConfig,
)
from seq2seq.datasets.batches.stream import WHOLE, ReplicaSharding
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.errors import UserError, require_several
from seq2seq.hardware.devices import uses_gpu
from seq2seq.tasks.batching import shape_count
from seq2seq.tasks.data_report import DataReport
from seq2seq.tasks.embedding import Embedder
from seq2seq.tasks.language_model.evaluator import LanguageModelEvaluator
from seq2seq.tasks.language_model.generator import Generator
from seq2seq.tasks.language_model.line_encoder import LineEncoder
from seq2seq.tasks.language_model.model import LanguageModel, build_language_model
from seq2seq.tasks.language_model.reading import DynamicScorer, StreamScorer
from seq2seq.tasks.language_model.scoring import LineScore, LineScorer
from seq2seq.tasks.language_model.serving import LanguageModelServing
from seq2seq.tasks.language_model.sizes import epochs_and_least, language_model_sizes
from seq2seq.tasks.language_model.stateful import StatefulLanguageModel
from seq2seq.tasks.language_model.stream_training import StreamTraining
from seq2seq.tasks.language_model.training import LanguageModelTraining
from seq2seq.tasks.line_report import describe, line_faults
from seq2seq.tasks.readers import splits_of
from seq2seq.tasks.sizes import MOST_UPDATES, run_length
from seq2seq.tasks.text_task import LineTask
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.training import TrainingTask


class LanguageModelTask(LineTask):
    """See `Task`. Of the two sides of a pair, which are the same line, the target is read."""

    verbs = frozenset({"generate", "score", "score_tokens", "stateful", "embed"})
    labels = ("beginning", "continued")
    scored = ("TEXT",)

    # --- data ---

    def sizes(self) -> dict[str, Decision]:
        return language_model_sizes(self.config, self.counts)

    def length(self, steps_per_epoch: int, most: int = MOST_UPDATES) -> dict[str, Decision]:
        epochs, least = epochs_and_least(self.counts)
        return run_length(steps_per_epoch, epochs=epochs, least=least, most=most)

    @property
    def streams(self) -> bool:
        """Whether the lines are read as one text, each after those before it."""
        return self._stream.window > 0

    @property
    def _stream(self) -> StreamConfig:
        return cast(LanguageModelTaskConfig, self.config.task).stream

    def longest(self, keep_all: bool) -> tuple[int, int]:
        """What is measured is measured on whole lines, and a text has none left out."""
        return (0, 0) if keep_all or self.streams else super().longest(keep_all)

    def describe(self, index: PairIndex, tokenizers: Tokenizers, split: str) -> DataReport:
        return describe(index, tokenizers.target, self.config.data, split)

    def faults_of_files(self) -> Iterator[str]:
        return line_faults({split: self.pairs(split) for split in splits_of(self.config.data)})

    # --- training and evaluation ---

    def model(self, tokenizers: Tokenizers, *, gpu: bool = False) -> LanguageModel:
        return build_language_model(
            cast(LanguageModelConfig, self.config.model),
            self.config.masking,
            vocabulary_size=tokenizers.target.vocabulary_size,
            gpu=gpu,
        )

    def training(
        self, tokenizers: Tokenizers, indices: Path, sharding: ReplicaSharding = WHOLE
    ) -> TrainingTask:
        if not self.streams:
            if self._stream.random_window:
                raise UserError(
                    "task.stream.random_window=true: has no length to vary about; give task.stream.window"
                )
            return super().training(tokenizers, indices, sharding)
        if self._stream.dynamic_rate:
            raise UserError(
                f"task.stream.dynamic_rate={self._stream.dynamic_rate:g}: runs are trained and validated without; it is"
                " for evaluate and score."
            )
        return StreamTraining(
            self.config,
            train=self.index(tokenizers, "train", indices),
            tokenizer=tokenizers.target,
            sharding=sharding,
            evaluator=lambda model: self.evaluator(model, tokenizers),
            val=self.index(tokenizers, "val", indices),
        )

    def make_training(self, **shared: Any) -> LanguageModelTraining:
        return LanguageModelTraining(self.config.task, **shared)

    def evaluator(self, model: LanguageModel, tokenizers: Tokenizers) -> LanguageModelEvaluator:
        return LanguageModelEvaluator(
            self.predictor(model, tokenizers),
            self.config.data.batch,
            examples=self.config.task.examples_shown,
            shapes=shape_count(self.config.masking),
            scorer=self._stream_scorer(model, tokenizers) if self.streams else None,
        )

    def plot(self, model: LanguageModel, tokenizers: Tokenizers, index: PairIndex, folder: Path) -> None:
        """There is nothing to draw."""

    # --- use ---

    def language_model(self, model: LanguageModel) -> LanguageModel:
        return model

    def predictor(
        self,
        model: LanguageModel,
        tokenizers: Tokenizers,
        *,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> Generator:
        for asked, what in (
            (alignments, "Alignments are of attention"),
            (timestamps, "Timestamps are of speech"),
            (parts, "Parts of scores are of translation and speech"),
        ):
            if asked:
                raise UserError(f"{what}; a language model has none.")
        return Generator(model, tokenizers.target, self.config.search)

    def scorer(
        self, model: LanguageModel, tokenizers: Tokenizers
    ) -> Callable[[Iterable[str]], Iterator[float]]:
        """The log-probability of each line, its end included, in nats."""
        of_tokens = self.token_scorer(model, tokenizers)
        return lambda lines: (found.log_prob for found in of_tokens(lines))

    def token_scorer(
        self, model: LanguageModel, tokenizers: Tokenizers
    ) -> Callable[[Iterable[str]], Iterator[LineScore]]:
        """The same of each token."""
        if self.streams:
            make: Callable[[], Any] = partial(self._stream_scorer, model, tokenizers)
        else:
            make = partial(LineScorer, model, tokenizers.target, self.config.search.batch_size)
        learns = self.streams and self._stream.dynamic_rate > 0  # each text then has a scorer of its own
        shared = None if learns else make()

        def score(lines: Iterable[str]) -> Iterator[LineScore]:
            require_several(lines, "lines")
            return (shared or make())(lines)

        return score

    def stateful(
        self, model: LanguageModel, tokenizers: Tokenizers, batch_size: int
    ) -> StatefulLanguageModel:
        """See ``Run.stateful``."""
        return StatefulLanguageModel(model, tokenizers.target, batch_size)

    def _stream_scorer(self, model: LanguageModel, tokenizers: Tokenizers) -> StreamScorer:
        stream = self._stream
        if not stream.dynamic_rate:
            return StreamScorer(model, tokenizers.target)
        copy = self.model(tokenizers, gpu=uses_gpu())
        return DynamicScorer(
            model, copy, tokenizers.target, window=stream.window, learning_rate=stream.dynamic_rate
        )

    def embedder(self, model: LanguageModel, tokenizers: Tokenizers, pooling: str) -> Embedder:
        """Of whole lines, as `score`."""
        encoder, size = LineEncoder(model, tokenizers.target.start_id), self.config.search.batch_size
        return Embedder(encoder, tokenizers.target, pooling=pooling, batch_size=size)

    def serving(self, model: LanguageModel, tokenizers: Tokenizers) -> LanguageModelServing:
        return LanguageModelServing(self.config, model, tokenizers.target)
