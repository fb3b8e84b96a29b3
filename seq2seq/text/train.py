"""One way in to train a tokenizer of any kind."""

from __future__ import annotations

from collections.abc import Iterable

from seq2seq.errors import UserError
from seq2seq.text.character_tokenizer import CharacterTokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.sentencepiece_tokenizer import SentencePieceTokenizer
from seq2seq.text.symbol_tokenizer import SPECIAL_PIECES
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.word_tokenizer import WordTokenizer

KINDS = ("unigram", "bpe", "word", "character")


def train_tokenizer(
    texts: Iterable[str],
    *,
    kind: str,
    vocabulary_size: int,
    normalization: str = "none",
    lowercase: bool = False,
    character_coverage: float = 1.0,
    byte_fallback: bool = False,
    max_sentences: int = 1_000_000,
    seed: int = 1,
) -> Tokenizer:
    """Trains a tokenizer; the same arguments give the same tokenizer.

    Args:
        texts: the training text, read once.
        kind: `unigram`, `bpe`, `word` or `character`.
        vocabulary_size: the number of ids, the special ones included: exactly so many for `unigram` and
            `bpe`, at most so many for `word` and `character`.
        normalization: `none`, `nfc` or `nfkc`.
        lowercase: whether to lower-case.
        character_coverage: the share of the text's characters that get an id (`word` takes no notice of it).
        byte_fallback: for `unigram` and `bpe`, whether a character without an id is spelled in bytes.
        max_sentences: for `unigram` and `bpe`, of more sentences than this, so many are drawn at random.
        seed: for that draw.

    Raises:
        UserError: a value is not valid, or the text does not fit the vocabulary.
    """
    if kind not in KINDS:
        raise UserError(f"kind={kind} is no tokenizer; choose one of {', '.join(KINDS)}.")
    if vocabulary_size <= len(SPECIAL_PIECES):
        raise UserError(
            f"vocabulary_size={vocabulary_size} leaves no id for text; give more than {len(SPECIAL_PIECES)} "
            "(padding, unknown, start and end)."
        )
    normalizer = Normalizer(normalization, lowercase)
    if kind == "word":
        return WordTokenizer.train(texts, vocabulary_size=vocabulary_size, normalizer=normalizer)
    if kind == "character":
        return CharacterTokenizer.train(
            texts, vocabulary_size=vocabulary_size, normalizer=normalizer, coverage=character_coverage
        )
    return SentencePieceTokenizer.train(
        texts,
        kind=kind,
        vocabulary_size=vocabulary_size,
        normalizer=normalizer,
        character_coverage=character_coverage,
        byte_fallback=byte_fallback,
        max_sentences=max_sentences,
        seed=seed,
    )
