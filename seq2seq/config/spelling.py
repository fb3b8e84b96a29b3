"""What was meant by a word that is no value here: names of other systems first, then the nearest one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

#: Choices and values, and what other systems call them.
VALUES = {
    "speech": "asr stt s2t speech_recognition speech_to_text speech2text audio transcription",
    "translation": "nmt mt translate text text2text seq2seq machine_translation small tiny base medium default lstm",
    "translation_large": "large big",
    "parallel_text": "text txt plain bitext moses parallel raw",
    "audio_table": "csv audio_tsv audio_csv",
    "audio_jsonl": "audio_json json",
    "jsonl": "json jsonlines",
    "tsv": "tab csv",
    "common_voice": "commonvoice cv",
    "librispeech": "libri libri_speech ls",
    "sample_translation": "sample toy",
    "gpu": "cuda",
    "mirrored": "gpus multi_gpu multigpu ddp data_parallel",
    "multi_worker": "distributed multinode multi_node",
    "beam": "beam_search beamsearch",
    "greedy": "greedy_search argmax",
    "sampling": "sample random nucleus topk topp",
    "sgd": "momentum nesterov",
    "character": "char chars characters letters",
    "unigram": "sentencepiece spm sp subword",
    "word": "words space whitespace",
    "luong": "dot general multiplicative scaled_dot",
    "bahdanau": "additive mlp concat",
    "float16": "fp16 half 16 mixed_float16",
    "bfloat16": "bf16 mixed_bfloat16",
    "float32": "fp32 single 32 full",
    "inverse_sqrt": "noam invsqrt inverse_square_root rsqrt",
    "plateau": "reduce_on_plateau reducelronplateau",
    "examples": "sents sentences sequences utterances",
    "13a": "mteval default moses",
    "zh": "chinese zh-cn zho",
    "ja-mecab": "ja japanese mecab",
    "ko-mecab": "ko korean",
    "char": "character characters chars",
}


def nearest(word: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The candidate that `word` was probably meant to be."""
    return next(iter(get_close_matches(word, list(candidates), n=1, cutoff=cutoff)), None)


def suggestion(value: Any, candidates: Iterable[str]) -> str:
    """`; did you mean gpu?`, or nothing."""
    candidates = list(candidates)
    named = [name for name in candidates if str(value).lower() in VALUES.get(name, "").split()]
    near = nearest(str(value), candidates)
    meant = " or ".join(named) or near
    return f"; did you mean {meant}?" if meant else ""
