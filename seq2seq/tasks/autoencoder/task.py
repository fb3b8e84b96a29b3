"""The sequence autoencoder (Dai & Le 2015, arXiv:1511.01432), as the contract of tasks has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seq2seq.config.auto import Decision
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.noise import Noise, NoisyBatchMaker
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.tasks.autoencoder.sizes import autoencoder_sizes, epochs_and_least
from seq2seq.tasks.autoencoder.training import AutoencoderTraining
from seq2seq.tasks.data_report import DataReport
from seq2seq.tasks.line_report import describe, line_faults
from seq2seq.tasks.readers import splits_of
from seq2seq.tasks.sizes import MOST_UPDATES, run_length
from seq2seq.tasks.text_task import LineTask
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.translation.evaluator import translation_scorer
from seq2seq.tasks.translation.task import TranslationTask


class AutoencoderTask(LineTask, TranslationTask):
    """See `Task`. It is translation of a line into itself, without attention, and of noisy lines where `task.noise`
    says so."""

    verbs = frozenset({"embed", "score"})
    labels = ("line", "written again")

    def sizes(self) -> dict[str, Decision]:
        return {**autoencoder_sizes(self.config, self.counts), **self.bleu_words()}

    def length(self, steps_per_epoch: int, most: int = MOST_UPDATES) -> dict[str, Decision]:
        epochs, least = epochs_and_least(self.counts)
        return run_length(steps_per_epoch, epochs=epochs, least=least, most=most)

    def batch_maker(self, *args: Any, **options: Any) -> BatchMaker:
        given: Any = self.config.task
        noise = Noise(given.noise.shuffle, given.noise.drop, given.noise.mask)
        if not noise:
            return super().batch_maker(*args, **options)
        return NoisyBatchMaker(*args, noise=noise, **options)

    def make_training(self, **shared: Any) -> AutoencoderTraining:
        return AutoencoderTraining(self.options, scorer=translation_scorer(self.options), **shared)

    def describe(self, index: PairIndex, tokenizers: Tokenizers, split: str) -> DataReport:
        return describe(index, tokenizers.target, self.config.data, split)

    def faults_of_files(self) -> Iterator[str]:
        return line_faults({split: self.pairs(split) for split in splits_of(self.config.data)})
