"""One way in to train a tokenizer of any kind."""

from __future__ import annotations

from collections.abc import Iterable

from seq2seq.config.tables import TOKENIZERS
from seq2seq.errors import UserError
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.symbol_tokenizer import SPECIAL_PIECES
from seq2seq.text.tokenizer import Tokenizer


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
        kind: a name of `TOKENIZERS`: `unigram`, `bpe`, `word`, `character`, or a user's own.
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
    if kind not in TOKENIZERS:
        raise UserError(f"kind={kind} is no tokenizer; choose one of {', '.join(TOKENIZERS)}.")
    if vocabulary_size <= len(SPECIAL_PIECES):
        raise UserError(
            f"vocabulary_size={vocabulary_size} leaves no id for text; give more than {len(SPECIAL_PIECES)} "
            "(padding, unknown, start and end)."
        )
    tokenizer = TOKENIZERS[kind]
    options = {
        "kind": kind,
        "character_coverage": character_coverage,
        "byte_fallback": byte_fallback,
        "max_sentences": max_sentences,
        "seed": seed,
    }
    trained: Tokenizer = tokenizer.train(
        texts,
        vocabulary_size=vocabulary_size,
        normalizer=Normalizer(normalization, lowercase),
        **{name: value for name, value in options.items() if name in tokenizer.takes},
    )
    return trained
