"""What tasks have in common whose examples are lines of text: pairs of source and target, tokenised."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.stream import SIGNATURE, WHOLE, ReplicaSharding
from seq2seq.datasets.index.build_index import build_index
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.readers.input_lines import input_lines
from seq2seq.datasets.readers.lines import NotTextError
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.errors import UserError
from seq2seq.tasks.batching import plan_batches
from seq2seq.tasks.contract import Predictor, Task
from seq2seq.tasks.embedding import Embedder
from seq2seq.tasks.sizes import TextCounts, count_text
from seq2seq.tasks.tokenizers import Tokenizers, subword_sampling
from seq2seq.tasks.training import TrainingTask


class TextTask(Task):
    """See `Task`; an example is a pair of lines.

    Attributes:
        unit: what its examples are called, in the plural.
        cuts_long: whether training examples that are too long are cut, as those of evaluation are, and not left out.
    """

    inputs = "lines"
    unit: ClassVar[str] = "pairs"
    cuts_long: ClassVar[bool] = False

    # --- data ---

    @cached_property
    def counts(self) -> TextCounts:
        """Of the training data."""
        return count_text(self.pairs("train").pairs())

    def pairs(self, split: str) -> PairReader:
        """The lines of a split."""
        return cast(PairReader, self.reader(split))

    def examples(self, tokenizers: Tokenizers, split: str) -> PairReader:
        """The same, as they are tokenised."""
        return self.pairs(split)

    def tokenizer_texts(self, side: str) -> Iterator[str]:
        pairs = self.pairs("train").pairs()
        if side == "shared":
            return itertools.chain.from_iterable(pairs)
        return (pair[side == "target"] for pair in pairs)

    def index(
        self, tokenizers: Tokenizers, split: str, folder: Path, *, to_evaluate: bool = False
    ) -> PairIndex:
        """Training has its text where segmentations are sampled."""
        data = self.config.data
        keep_all = self.cuts_long or to_evaluate or split != "train"
        most_source, most_target = self.longest(keep_all)
        return build_index(
            self.examples(tokenizers, split),
            Path(data.index_dir) if data.index_dir else folder,
            name=split,
            source_tokenizer=tokenizers.source,
            target_tokenizer=tokenizers.target,
            max_source_length=most_source,
            max_target_length=most_target,
            keep_all=keep_all,
            keep_text=keep_all or subword_sampling(data) is not None,
            unit=self.unit,
        )

    def longest(self, keep_all: bool) -> tuple[int, int]:
        """The most tokens of a source and of a target, 0: any; where all examples are kept, longer ones are cut."""
        return self.config.data.max_source_length, self.config.data.max_target_length

    # --- training ---

    def training(
        self, tokenizers: Tokenizers, indices: Path, sharding: ReplicaSharding = WHOLE
    ) -> TrainingTask:
        data = self.config.data
        train = self.index(tokenizers, "train", indices)
        batching = plan_batches(self.config, train.source.lengths, train.target.lengths)
        maker = self.batch_maker(
            train,
            *tokenizers,
            sampling=subword_sampling(data),
            shapes=batching.shapes,
            max_source_length=data.max_source_length if self.cuts_long else 0,
        )
        return self.make_training(
            maker=maker,
            plan=batching.plan,
            signature=SIGNATURE,
            seed=self.config.seed,
            evaluator=lambda model: self.evaluator(model, tokenizers),
            val=self.index(tokenizers, "val", indices),
            sharding=sharding,
        )

    def batch_maker(self, *args: Any, **options: Any) -> BatchMaker:
        """What makes the batches of training; arguments are those of ``BatchMaker``."""
        return BatchMaker(*args, **options)

    @abstractmethod
    def make_training(self, **shared: Any) -> TrainingTask:
        """What the training loop asks; ``shared`` as of ``TrainingTask``."""

    # --- use ---

    def embedder(self, model: Any, tokenizers: Tokenizers, pooling: str) -> Embedder:
        """A vector of each line; see ``Embedder``."""
        return Embedder(
            model,
            tokenizers.source,
            pooling=pooling,
            batch_size=self.config.search.batch_size,
            max_source_length=self.config.data.max_source_length,
        )

    def predict_files(
        self, predictor: Predictor, files: Sequence[str], standard_input: BinaryIO | None
    ) -> Iterator[tuple[str, Any]]:
        try:
            for number, found in enumerate(predictor.predict(input_lines(files, standard_input)), start=1):
                yield str(number), found
        except NotTextError as error:
            raise UserError(f"{error} The run is one of {self.name}, which takes lines of text.") from error


class LineTask(TextTask):
    """The same where an example is one line: its source and its target."""

    unit = "lines"

    @cached_property
    def counts(self) -> TextCounts:
        return count_text((line,) for line in self.tokenizer_texts("shared"))

    def tokenizer_texts(self, side: str) -> Iterator[str]:
        return (line for line, _ in self.pairs("train").pairs())
