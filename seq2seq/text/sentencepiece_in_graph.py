"""SentencePiece in a graph: the op of TensorFlow Text, which TensorFlow Serving has, too."""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

from seq2seq.errors import UserError


class SentencePieceInGraph:
    """See `seq2seq.text.tokenizer.GraphForm`.

    Args:
        model: the bytes of a model file.

    Raises:
        UserError: TensorFlow Text is not installed.
    """

    def __init__(self, model: bytes) -> None:
        self._sentencepiece = _tensorflow_text().SentencepieceTokenizer(model, out_type=tf.int32)
        self.resources: list[Any] = [self._sentencepiece]

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._sentencepiece.tokenize(texts)


def _tensorflow_text() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # TensorFlow Hub's, about pkg_resources
            import tensorflow_text
    except ImportError as error:
        raise UserError(
            f"SentencePiece in a graph needs TensorFlow Text, which cannot be imported here ({error});"
            " pip install 'seq2seq-tf[serving]' (Linux on x86-64)"
        ) from error
    return tensorflow_text
