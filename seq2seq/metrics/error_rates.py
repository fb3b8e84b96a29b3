"""Word and character error rates of a corpus, by jiwer: errors are summed, not averaged over utterances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import NamedTuple

import jiwer
import numpy as np

from seq2seq.metrics.metric import CountedMetric


class ErrorCounts(NamedTuple):
    """Of an alignment with fewest errors."""

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Percent of the reference; where that is empty, 0 without an insertion, else 100 for each."""
        return 100.0 * self.errors / max(1, self.hits + self.substitutions + self.deletions)


class _ErrorRate(CountedMetric):
    """What the rates share."""

    higher_is_better = False
    ceiling = 0.0

    @staticmethod
    @abstractmethod
    def _count(reference: str, hypothesis: str) -> ErrorCounts:
        """Of one utterance."""

    def counts(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        sides = (_compared(side, self.comparison.lowercase) for side in (references, hypotheses))
        return np.asarray([self._count(*pair) for pair in zip(*sides)])

    def value(self, sums: np.ndarray) -> float:
        return ErrorCounts(*sums.tolist()).rate

    def signature(self, references: Sequence[str]) -> str:
        case, version = "lc" if self.comparison.lowercase else "mixed", metadata.version("jiwer")
        return f"case:{case}|space:collapsed|utts:{len(references)}|jiwer:{version}"


class WordErrorRate(_ErrorRate):
    """Of words, which white space separates. An empty reference counts every word recognised as inserted."""

    name = "wer"
    label = "WER"

    @staticmethod
    def _count(reference: str, hypothesis: str) -> ErrorCounts:
        return _word_counts(reference, hypothesis)

    def notes(self, references: Sequence[str]) -> Iterator[str]:
        if not any(text.strip() for text in references):
            yield (
                f"All {len(references):,} texts are empty: an error rate is 0, or 100 for each word that is"
                " recognised."
            )


class CharacterErrorRate(_ErrorRate):
    """Of characters, spaces among them."""

    name = "cer"
    label = "CER"

    @staticmethod
    def _count(reference: str, hypothesis: str) -> ErrorCounts:
        return _character_counts(reference, hypothesis)


class ErrorReport(NamedTuple):
    """Where the errors of words are.

    Attributes:
      names, speakers: of each utterance; "" where unknown.
      references, hypotheses: the texts as they were compared.
      by_utterance: counts of words of each utterance.
    """

    names: Sequence[str]
    speakers: Sequence[str]
    references: Sequence[str]
    hypotheses: Sequence[str]
    by_utterance: Sequence[ErrorCounts]

    def speaker_table(self) -> str:
        """Tab-separated, the worst speaker first; a line for all at the end."""
        lines = ["speaker\tutterances\twords\twer\tsubstitutions\tdeletions\tinsertions"]
        speakers = {
            speaker: [c for c, s in zip(self.by_utterance, self.speakers) if s == speaker]
            for speaker in dict.fromkeys(self.speakers)
        }
        for speaker, counts in sorted(speakers.items(), key=lambda item: -_sum(item[1]).rate):
            lines.append(_row(speaker or "-", len(counts), _sum(counts)))
        lines.append(_row("all", len(self.by_utterance), _sum(self.by_utterance)))
        return "\n".join(lines) + "\n"

    def worst(self, count: int) -> str:
        """The utterances with most errors, each with its alignment."""
        order = sorted(range(len(self.names)), key=lambda n: -self.by_utterance[n].errors)
        blocks = []
        for n in order[:count]:
            counts = self.by_utterance[n]
            if counts.errors:
                aligned = _aligned(self.references[n], self.hypotheses[n])
                blocks.append(f"{self.names[n]}   {counts.errors} errors, WER {counts.rate:.1f}\n{aligned}\n")
        return "\n".join(blocks)


def error_report(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    names: Sequence[str],
    speakers: Sequence[str],
    lowercase: bool = False,
) -> ErrorReport:
    """Compares what was recognised with what was said.

    Args:
      hypotheses, references: one text an utterance.
      names, speakers: of each utterance.
      lowercase: compare without regard to case.
    """
    hypotheses, references = (_compared(side, lowercase) for side in (hypotheses, references))
    counts = [_word_counts(*pair) for pair in zip(references, hypotheses)]
    return ErrorReport(names, speakers, references, hypotheses, counts)


def _compared(texts: Sequence[str], lowercase: bool) -> list[str]:
    return [" ".join((text.lower() if lowercase else text).split()) for text in texts]


def _word_counts(reference: str, hypothesis: str) -> ErrorCounts:
    if not reference:  # jiwer refuses it
        return ErrorCounts(0, 0, 0, len(hypothesis.split()))
    found = jiwer.process_words(reference, hypothesis)
    return ErrorCounts(found.hits, found.substitutions, found.deletions, found.insertions)


def _character_counts(reference: str, hypothesis: str) -> ErrorCounts:
    if not reference:
        return ErrorCounts(0, 0, 0, len(hypothesis))
    found = jiwer.process_characters(reference, hypothesis)
    return ErrorCounts(found.hits, found.substitutions, found.deletions, found.insertions)


def _sum(counts: Sequence[ErrorCounts]) -> ErrorCounts:
    return ErrorCounts(*(sum(values) for values in zip(*counts))) if counts else ErrorCounts(0, 0, 0, 0)


def _row(name: str, utterances: int, counts: ErrorCounts) -> str:
    words = counts.hits + counts.substitutions + counts.deletions
    facts = (counts.substitutions, counts.deletions, counts.insertions)
    return "\t".join([name, str(utterances), str(words), f"{counts.rate:.2f}", *map(str, facts)])


def _aligned(reference: str, hypothesis: str) -> str:
    if not reference:
        return f"REF: \nHYP: {hypothesis}"
    shown = jiwer.visualize_alignment(
        jiwer.process_words(reference, hypothesis), show_measures=False, skip_correct=False
    )
    return "\n".join(line for line in shown.splitlines() if line.startswith(("REF", "HYP", " ")))
