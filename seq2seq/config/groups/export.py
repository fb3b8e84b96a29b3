"""`export`: what `seq2seq export` writes."""

from __future__ import annotations

from dataclasses import dataclass

from seq2seq.config.fields import Choice, Group, choices_of, option, positive
from seq2seq.config.tables import SIGNATURES


class ExportTokenizer(Choice):
    auto = "auto", "in the graph, but for a few models of SentencePiece's that were trained elsewhere"
    in_graph = "in_graph", "clients send text"
    none = "none", "clients send ids"


class ExportPrecision(Choice):
    float32 = "float32"
    bfloat16 = "bfloat16"


class ExportWeights(Choice):
    plain = "plain", "as precision says"
    int8 = "int8", "large matrices in 8 bits with a scale for each output"


@dataclass
class ExportConfig(Group):
    """What `seq2seq export` writes; training takes no notice of it."""

    tokenizer: ExportTokenizer = option(ExportTokenizer.auto, "whether the graph takes text or ids")
    precision: ExportPrecision = option(ExportPrecision.float32, "of the weights; all arithmetic is float32")
    weights: ExportWeights = option(ExportWeights.plain, "how matrices are stored")
    signatures: list[str] = choices_of(SIGNATURES, "of the SavedModel, besides the task's")
    examples: int = positive(200, "of the validation data, that the export is checked on")
    # What a request may ask for: a server's memory is not the client's.
    max_batch: int = positive(64, "rows of a request, at most")
    max_bytes: int = positive(10_000, "of each text in a request, in UTF-8, at most")
    max_tokens: int = positive(500, "of each source and each target, at most")
    max_seconds: float = positive(60.0, "of each waveform in a request, at most")
    max_beam_width: int = positive(100, "that a request may ask for")
    max_hypotheses: int = positive(640, "rows × beam width of a request, at most")
