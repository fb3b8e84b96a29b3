"""BLEU, by sacreBLEU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from sacrebleu.metrics import BLEU

from seq2seq.errors import UserError
from seq2seq.metrics.metric import Comparison
from seq2seq.metrics.sacrebleu_metric import SacrebleuMetric
from seq2seq.metrics.scripts import main_language

MIN_WITH_4GRAMS = 0.05
"""With fewer references of four tokens than this share, BLEU rests on too few of them to tell models apart."""

MAX_LETTERS_A_WORD = 3.5
"""Text of a script without spaces that has more letters between its spaces than this has not been segmented."""

#: By language: sacreBLEU's tokenizers of it, the best one first; `char` needs nothing installed.
_TOKENIZERS = {"Chinese": ("zh",), "Japanese": ("ja-mecab", "char"), "Korean": ("ko-mecab", "char")}
_WITHOUT_SPACES = ("char", "flores200")

_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}


class Bleu(SacrebleuMetric):
    """BLEU (Papineni et al. 2002), in percent.

    Raises:
      UserError: the tokenizer is unknown, not installed or cannot be downloaded.
    """

    name = "bleu"
    label = "BLEU"
    higher_is_better = True
    ceiling = 100.0

    def __init__(self, comparison: Comparison) -> None:
        self._bleu = _bleu(comparison.tokenizer, comparison.lowercase)
        super().__init__(comparison, self._bleu)

    def notes(self, references: Sequence[str]) -> Iterator[str]:
        tokenizer = self.comparison.tokenizer
        texts = [text for text in references if text.strip()]
        if not texts:
            yield f"All {len(references):,} references are empty: every score of them is 0."
            return
        language = _language_without_words(texts)
        if language is not None and tokenizer in ("13a", "intl"):
            best, *others = _TOKENIZERS.get(language, _WITHOUT_SPACES)
            yield (
                f"The references are {language}, which task.bleu_tokenizer={tokenizer} does not split; write"
                f" task.bleu_tokenizer={_proposal(best)}{_alternatives(others)}."
            )
            return
        if self.comparison.chosen == self.name and self.is_blind(texts):
            long_enough = self._with_4grams(texts)
            count = f"only {long_enough:,}" if long_enough else "none"
            yield (
                f"BLEU counts up to four words in a row, and {count} of {len(texts):,} references"
                f" {'have' if long_enough > 1 else 'has'} four (task.bleu_tokenizer={tokenizer}):"
                " chrF tells models of such short lines apart and picks the best checkpoint."
            )

    def is_blind(self, references: Sequence[str]) -> bool:
        """Where hardly a reference has four tokens, a BLEU above 0 is that of outputs which are too long."""
        texts = [text for text in references if text.strip()]
        return self._with_4grams(texts) < MIN_WITH_4GRAMS * len(texts)

    def _with_4grams(self, texts: Sequence[str]) -> int:
        return sum(len(self._bleu.tokenizer(text).split()) >= 4 for text in texts)


def fitting_tokenizer(texts: Sequence[str]) -> tuple[str, str] | None:
    """The best installed tokenizer for text that ``13a`` and ``intl`` do not split into words, and its language."""
    language = _language_without_words(texts)
    if language is None:
        return None
    for tokenizer in _TOKENIZERS.get(language, _WITHOUT_SPACES):
        with suppress(UserError):
            _bleu(tokenizer, lowercase=False)
            return tokenizer, language
    return None


def _language_without_words(texts: Sequence[str]) -> str | None:
    """The language of texts that have no spaces between words, if that is so."""
    language = main_language(texts)
    return language if language is not None and _unsegmented(texts, language) else None


def _bleu(tokenizer: str, lowercase: bool) -> BLEU:
    key = f"task.bleu_tokenizer={tokenizer}"
    if tokenizer not in BLEU.TOKENIZERS:
        raise UserError(f"{key}: sacreBLEU has {', '.join(BLEU.TOKENIZERS)}.")
    try:
        return BLEU(lowercase=lowercase, tokenize=tokenizer, force=True)
    except (ImportError, RuntimeError) as error:
        if tokenizer not in _EXTRAS:
            raise UserError(f"{key}: {' '.join(str(error).split())}") from error
        raise UserError(f"{key}: needs {_installation(tokenizer)}, which is not installed.") from error
    except (OSError, SystemExit) as error:  # SentencePiece models are downloaded when first used
        raise UserError(
            f"{key}: its model could not be downloaded ({error}); it is looked for in ~/.sacrebleu/models, or in"
            " $SACREBLEU/models."
        ) from error


def _unsegmented(texts: Sequence[str], language: str) -> bool:
    if language == "Korean":  # spaces part phrases, not words
        return True
    letters = sum(sum(map(str.isalpha, text)) for text in texts)
    return letters > MAX_LETTERS_A_WORD * sum(len(text.split()) for text in texts)


def _installation(tokenizer: str) -> str:
    return f"`pip install 'sacrebleu[{_EXTRAS[tokenizer]}]'`"


def _proposal(tokenizer: str) -> str:
    return f"{tokenizer} ({_installation(tokenizer)})" if tokenizer in _EXTRAS else tokenizer


def _alternatives(tokenizers: Sequence[str]) -> str:
    return f", or {' or '.join(tokenizers)}" if tokenizers else ""
