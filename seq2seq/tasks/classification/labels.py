"""The labels of a run: those of its training data, and a reader that knows no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from seq2seq.datasets.readers.lines import listed
from seq2seq.datasets.readers.pair_reader import PairReader, place_of_pair
from seq2seq.errors import UserError
from seq2seq.text.label_vocabulary import LabelVocabulary


def count_labels(reader: PairReader) -> Counter[str]:
    """How many texts each label has; reads all of them."""
    return Counter(map(LabelVocabulary.normalizer, (label for _, label in reader.pairs())))


def labels_of(counts: Counter[str], reader: PairReader) -> LabelVocabulary:
    """The labels of the training data.

    Args:
      counts: of them. reader: of that data.

    Raises:
      UserError: there is one only.
    """
    if len(counts) < 2:
        ((label, texts),) = counts.items()
        files = ", ".join(map(str, reader.files))
        raise UserError(
            f"data.train ({files}): all {texts:,} texts have the label {label}; there is nothing to learn from fewer"
            " than two labels."
        )
    return LabelVocabulary(counts)


class KnownLabels:
    """Texts with labels of the training data; see `PairReader`.

    Args:
      reader: of the texts.
      labels: that there are.
    """

    def __init__(self, reader: PairReader, labels: LabelVocabulary) -> None:
        self._reader = reader
        self._labels = labels

    @property
    def files(self) -> Sequence[Path]:
        return self._reader.files

    @property
    def settings(self) -> str:
        return self._reader.settings

    def pairs(self) -> Iterator[tuple[str, str]]:
        """
        Raises:
          UserError: a label that the training data does not have.
        """
        for row, (text, label) in enumerate(self._reader.pairs()):
            if label not in self._labels:
                where = place_of_pair(self._reader, row, "target")
                raise UserError(
                    f"{where}: the training data has no text with the label {label.strip()}; it has"
                    f" {listed(self._labels.labels)}."
                )
            yield text, label
