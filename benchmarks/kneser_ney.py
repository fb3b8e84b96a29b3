"""Perplexity of a modified Kneser-Ney n-gram model, on the tokens of a language model's run: what an LSTM must beat.

    python -m benchmarks.kneser_ney RUN TRAIN TEST [--column 1] [--order 5]

Chen & Goodman 1998, section 3: interpolated, three discounts an order, estimated from counts of counts; as KenLM's
`lmplz` makes it without pruning. Perplexity is per word between spaces and end of line, as `seq2seq evaluate` has it.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

Ids = tuple[int, ...]

START, END = -1, -2


class KneserNey:
    """An interpolated modified Kneser-Ney model.

    Args:
        lines: of token ids, without start and end.
        order: length of the longest n-grams.
        vocabulary_size: how many ids there can be, the end among them.
    """

    def __init__(self, lines: Iterable[Sequence[int]], order: int, vocabulary_size: int) -> None:
        self.order = order
        self.vocabulary_size = vocabulary_size
        counts = _counts(lines, order)
        self._counts = counts
        self._discounts = [_discounts(of_order) for of_order in counts]
        self._sums: list[dict[Ids, int]] = [defaultdict(int) for _ in counts]
        self._kinds: list[dict[Ids, list[int]]] = [defaultdict(lambda: [0, 0, 0]) for _ in counts]
        for of_order, sums, kinds in zip(counts, self._sums, self._kinds):
            for ngram, count in of_order.items():
                sums[ngram[:-1]] += count
                kinds[ngram[:-1]][min(count, 3) - 1] += 1

    def probability(self, context: Ids, token: int) -> float:
        """Of a token or the end after a context, of which the last ``order - 1`` tokens count."""
        context = context[-(self.order - 1) :] if self.order > 1 else ()
        found = 1.0 / self.vocabulary_size
        for length in range(len(context) + 1):
            seen = context[len(context) - length :]
            total = self._sums[length].get(seen)
            if not total:
                break
            discounts = self._discounts[length]
            count = self._counts[length].get((*seen, token), 0)
            kept = max(count - discounts[min(count, 3) - 1], 0.0) if count else 0.0
            given_up = sum(d * n for d, n in zip(discounts, self._kinds[length][seen]))
            found = kept / total + given_up / total * found
        return found

    def log_prob(self, ids: Sequence[int]) -> float:
        """Of a line with its end, in nats."""
        line = (START, *ids, END)
        return sum(math.log(self.probability(line[:n], line[n])) for n in range(1, len(line)))


def _counts(lines: Iterable[Sequence[int]], order: int) -> list[Counter[Ids]]:
    """By order, from 1: of the highest how often an n-gram is there; of the others how many tokens stand before it, or
    how often it is there where it begins a line."""
    raw: list[Counter[Ids]] = [Counter() for _ in range(order)]
    for ids in lines:
        line = (START, *ids, END)
        for length, counts in enumerate(raw, start=1):
            counts.update(line[n : n + length] for n in range(len(line) - length + 1))
    adjusted = [Counter(ngram[1:] for ngram in longer) for longer in raw[1:]]
    for counts, lower in zip(raw, adjusted):
        lower.update({ngram: count for ngram, count in counts.items() if ngram[0] == START})
    highest = raw[-1]
    for counts in (*adjusted, highest):
        counts.pop((START,), None)
    return [*adjusted, highest]


def _discounts(counts: Counter[Ids]) -> tuple[float, float, float]:
    """Of counts of 1, of 2 and of more."""
    there = Counter(count for count in counts.values() if count <= 4)
    one, two, three, four = (there[n] for n in (1, 2, 3, 4))
    if not (one and two and three):
        return 0.5, 1.0, 1.5  # as KenLM falls back where there is too little
    y = one / (one + 2 * two)
    return 1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="whose tokenizer is taken")
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--column", type=int, default=None, help="of tab-separated files, from 0")
    parser.add_argument("--order", type=int, default=5)
    options = parser.parse_args()

    from seq2seq.datasets import Text
    from seq2seq.text import load_tokenizer

    tokenizer = load_tokenizer(options.run / "tokenizer", "shared")
    train, test = (
        [line for line, _ in Text([path], options.column).pairs()] for path in (options.train, options.test)
    )
    usable = tokenizer.vocabulary_size - 2  # neither padding nor the start is ever written
    model = KneserNey(tokenizer.encode(train), options.order, usable)
    loss = -sum(map(model.log_prob, tokenizer.encode(test)))
    units = {"token": sum(map(len, tokenizer.encode(test))), "word": sum(len(line.split()) for line in test)}
    for unit, count in units.items():
        print(f"perplexity per {unit} {math.exp(loss / (count + len(test))):.2f}")


if __name__ == "__main__":
    main()
