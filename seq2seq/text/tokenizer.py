"""What every kind of tokenizer offers, and the ids that those trained here agree on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from seq2seq.text.normalizer import Normalizer

if TYPE_CHECKING:
    import tensorflow as tf

# Every tokenizer trained here uses these. Ask the tokenizer nevertheless: a given model brings its own.
PAD_ID = 0
UNKNOWN_ID = 1
START_ID = 2
END_ID = 3

UNKNOWN_TEXT = "⁇"  # what an unknown id becomes in text, as in SentencePiece


class GraphForm(Protocol):
    """A tokenizer's `encode` in a graph of TensorFlow, without the normalisation before it.

    Attributes:
        resources: what a SavedModel has to keep with the graph.
    """

    resources: list[Any]

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Normalised texts `[B]` to ids `[B, (S)]` int32, without start and end."""


class Tokenizer(Protocol):
    """Turns text into ids and back. Normalisation is part of it: what it is given is text as it was read.

    A class of `seq2seq.config.tables.TOKENIZERS` also has `train(texts, *, vocabulary_size, normalizer, …)`, with those
    keywords of `train_tokenizer` that it `takes`, and `load(path, normalizer)`, which reads what `save` wrote.

    Attributes:
        kind: as `NAME.json` has it.
        suffix: of the file with its vocabulary.
        takes: the options of `data.tokenizer`, and keywords of its training, that mean something to it: of `kind` (its
            name in the table), `character_coverage`, `byte_fallback`, `max_sentences`, `seed`, `sampling` (it has a
            `sample`), `source_model` (a file of the user's can stand for one that is trained).
        min_coverage: the least `character_coverage`.
        normalizer: what happens to text first.
    """

    kind: ClassVar[str]
    suffix: ClassVar[str]
    takes: ClassVar[frozenset[str]]
    min_coverage: ClassVar[float]
    normalizer: Normalizer

    @property
    def pad_id(self) -> int: ...

    @property
    def unknown_id(self) -> int: ...

    @property
    def start_id(self) -> int: ...

    @property
    def end_id(self) -> int: ...

    @property
    def vocabulary_size(self) -> int:
        """Ids are in `[0, vocabulary_size)`."""

    @property
    def fingerprint(self) -> str:
        """A hash of everything that changes the ids: two tokenizers with the same one give the same ids."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without start and end; an empty text has none."""

    def sample(self, texts: Sequence[str], *, alpha: float, nbest: int, seed: int) -> list[list[int]]:
        """As `encode`, with one segmentation of many drawn at random: a pure function of the arguments.

        Args:
            texts: the texts.
            alpha: for unigram models the smoothing of the segmentations' probabilities (0 draws uniformly,
                large values draw the best; Kudo 2018, arXiv:1804.10959, section 3.1); for BPE the probability
                to leave a merge out (0 none, 1 all; Provilkov et al. 2020, arXiv:1910.13267). For scale: on
                Multi30k with nbest=-1 a unigram model makes 1.9 times as many ids at 0.1, 1.14 times at 0.3
                and 1.03 times at 0.5; BPE 1.4 times at 0.1.
            nbest: for unigram models, from how many of the best segmentations to draw; -1 means all of them
                (and is several times faster). BPE takes no notice of it.
            seed: any integer from 0.

        Raises:
            UserError: this kind has one segmentation only.
        """

    def decode(self, ids: Iterable[Sequence[int]]) -> list[str]:
        """Text as a reader expects it. Pad, start and end are left out; an unknown id becomes `⁇`."""

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """One printable string per id, special ids included."""

    def save(self, directory: Path, name: str) -> None:
        """Writes `name` + `suffix`, and `name.json` which says the kind and the normalisation."""

    def in_graph(self) -> GraphForm:
        """Its form in a graph.

        Raises:
            UserError: it has none here.
        """
