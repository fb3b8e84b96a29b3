"""Files of sentence pairs or of utterances, made into batches: readers, an index on disk, the plan of an epoch.

`batch_stream` alone needs TensorFlow and is not imported here.
"""

from seq2seq.datasets.batches.batch_maker import BatchMaker, SubwordSampling
from seq2seq.datasets.batches.in_order import predict_index, predict_lines
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.plan import BatchPlan, batch_plan, evaluation_plan
from seq2seq.datasets.batches.static_shapes import StaticShapes, static_shapes
from seq2seq.datasets.index.build_index import build_index
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.readers.audio_jsonl import AudioJsonl
from seq2seq.datasets.readers.audio_table import AudioTable
from seq2seq.datasets.readers.common_voice import CommonVoice
from seq2seq.datasets.readers.jsonl import Jsonl
from seq2seq.datasets.readers.kaldi import Kaldi
from seq2seq.datasets.readers.labelled_text import LabelledText
from seq2seq.datasets.readers.librispeech import LibriSpeech
from seq2seq.datasets.readers.lines import file_lines, stream_lines
from seq2seq.datasets.readers.manifest import FieldNames
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.datasets.readers.parallel_text import ParallelText
from seq2seq.datasets.readers.text import Text
from seq2seq.datasets.readers.tsv import Tsv
from seq2seq.datasets.readers.utterance_reader import Utterance, UtteranceReader

__all__ = [
    "AudioJsonl",
    "AudioTable",
    "Batch",
    "BatchMaker",
    "BatchPlan",
    "CommonVoice",
    "FieldNames",
    "Jsonl",
    "Kaldi",
    "LabelledText",
    "LibriSpeech",
    "PairIndex",
    "PairReader",
    "ParallelText",
    "StaticShapes",
    "SubwordSampling",
    "Text",
    "Tsv",
    "Utterance",
    "UtteranceReader",
    "batch_plan",
    "build_index",
    "evaluation_plan",
    "file_lines",
    "predict_index",
    "predict_lines",
    "static_shapes",
    "stream_lines",
]
