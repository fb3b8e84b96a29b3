"""What a configuration may say.

Hydra and OmegaConf stop at the first thing that is wrong, and let `+decoding.beam_widht=3` through. Here keys are
walked against the dataclasses, and everything wrong is gathered, with the nearest valid name and what would do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seq2seq.config.schema import (
    DATA_FORMATS,
    MODELS,
    TASKS,
    AttentionKind,
    Bridge,
    DataConfig,
    Device,
    JsonlConfig,
    MaskingPolicy,
    Metric,
    OptimizerName,
    ParallelTextConfig,
    Precision,
    SamplingSchedule,
    SearchName,
    SpeechDataConfig,
    SpeechModelConfig,
    SpeechTaskConfig,
    Strategy,
    TaskName,
    Tie,
    TokenizerKind,
    TrainConfig,
    TranslationTaskConfig,
    TsvConfig,
)
from seq2seq.config.words import choices_with, suggestion, unknown_key, within_group

_WORDS = {"above": "above {}", "at_least": "at least {}", "below": "below {}", "at_most": "at most {}"}


# --- one key ---


def assign(config: DictConfig, key: str, value: Any, where: str = "") -> list[str]:
    """Set a dotted key of a structured configuration, or say what is wrong with it.

    Args:
        config: the whole configuration, of type `TrainConfig`.
        key: dotted, from the root.
        value: as parsed from YAML or from an override; a mapping sets each of its keys.
        where: what a problem is said to be in (a file's name); empty for the command line.

    Returns:
        One sentence per problem; what is wrong is left unset.
    """
    said_in = f"in {where}: " if where else ""
    node = config
    *folders, name = key.split(".")
    for depth, folder in enumerate(folders):
        if folder not in node:
            return [said_in + unknown_key(config, key, ".".join(folders[:depth]), node)]
        if not is_dataclass(OmegaConf.get_type(node, folder)):
            group = ".".join(folders[: depth + 1])
            others = choices_with(config, group, value=False)
            hint = f"; with {others} it has" if others else ""
            return [f"{said_in}{key}: {group} is a value, it has no keys{hint}"]
        node = node[folder]
    if name not in node:
        return [said_in + unknown_key(config, key, ".".join(folders), node)]
    if is_dataclass(OmegaConf.get_type(node, name)):
        if not isinstance(value, Mapping):
            others, inner = choices_with(config, key, value=True), within_group(key)
            hint = f"; with {others} it is one" if others else ""
            hint = f"; did you mean {inner}={shown(value)}?" if inner else hint
            return [
                f"{said_in}{key}={shown(value)}: a group of keys ({', '.join(node[name])}), not a value{hint}"
            ]
        return [
            problem for inner in value for problem in assign(config, f"{key}.{inner}", value[inner], where)
        ]

    schema: Any = OmegaConf.get_type(node)
    expected = get_type_hints(schema)[name]
    metadata = next(field.metadata for field in fields(schema) if field.name == name)
    if "files" in metadata and not _is_files(value):
        return [f"{said_in}{key}={shown(value)}: must be a path or a list of paths"]
    try:
        node[name] = value
    except OmegaConfBaseException:
        hint = suggestion(value, _words(expected))
        return [f"{said_in}{key}={shown(value)}: must be {_described(expected)}{hint}"]
    return []


def unknown_choice(group: str, choice: Any, options: Iterable[str]) -> str:
    options = sorted(options)
    hint = suggestion(choice, options) or ";"
    return f"{group}={shown(choice)}: no such choice{hint} valid: {', '.join(options)}"


def shown(value: Any) -> str:
    """A value as a user would type it."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(shown(item) for item in value) + "]"
    return str(value.value if isinstance(value, Enum) else value)


def _words(expected: Any) -> list[str]:
    return (
        [str(member) for member in expected]
        if isinstance(expected, type) and issubclass(expected, Enum)
        else []
    )


def _described(expected: Any) -> str:
    if get_origin(expected) is Union:  # Optional[…]
        return _described(get_args(expected)[0]) + " or null"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return names.get(expected) or "one of " + ", ".join(_words(expected))


def _is_files(value: Any) -> bool:
    paths = value if isinstance(value, (list, tuple)) and value else [value]
    return value is None or all(isinstance(path, str) and path for path in paths)


# --- the whole ---


def out_of_range(config: Any, prefix: str = "") -> list[str]:
    """Numbers of a configuration object that lie outside of what their fields' metadata allows."""
    problems = []
    for field in fields(config):
        key, value = prefix + field.name, getattr(config, field.name)
        if is_dataclass(value):
            problems += out_of_range(value, key + ".")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            limits = {word: limit for word, limit in field.metadata.items() if word in _WORDS}
            if not math.isfinite(value) or not all(
                _within(value, word, limit) for word, limit in limits.items()
            ):
                allowed = " and ".join(_WORDS[word].format(f"{limit:g}") for word, limit in limits.items())
                problems.append(f"{key}={shown(value)}: must be {allowed or 'a finite number'}")
    return problems


def contradictions(config: TrainConfig) -> list[str]:
    """Fields of the right type and range that do not go together, and what must be given but is not."""
    return [
        *_task_problems(config),
        *_data_problems(config.data),
        *_tokenizer_problems(config.data),
        *_model_problems(config),
        *_speech_problems(config),
        *_optimizer_problems(config),
        *_search_problems(config),
        *_training_problems(config),
        *_hardware_problems(config),
    ]


def problems_of(config: TrainConfig) -> list[str]:
    return out_of_range(config) or contradictions(config)


def _within(value: float, word: str, limit: float) -> bool:
    if word == "above":
        return value > limit
    if word == "at_least":
        return value >= limit
    if word == "below":
        return value < limit
    return value <= limit


_METRICS = {
    TaskName.translation: (Metric.bleu, Metric.chrf, Metric.loss),
    TaskName.speech: (Metric.wer, Metric.cer, Metric.loss),
}


def _task_problems(config: TrainConfig) -> Iterator[str]:
    task = config.task
    if type(task) is not TASKS.get(task.name):
        yield f"task.name={task.name}: set by the choice of task=; write task={task.name}"
        return
    if type(config.model) is not MODELS[task.name]:
        yield f"model: this one is not for task={task.name}; write model={task.name}, or another made for it"
    speech = isinstance(config.data, SpeechDataConfig)
    if config.data.format in DATA_FORMATS and speech is not (task.name is TaskName.speech):
        other = TaskName.speech if speech else TaskName.translation
        formats = [
            name
            for name, schema in DATA_FORMATS.items()
            if issubclass(schema, SpeechDataConfig) is not speech
        ]
        yield (
            f"data.format={config.data.format}: task={task.name} does not read it; write task={other}, or data= one of"
            f" {', '.join(formats)}"
        )
    if task.metric not in _METRICS[task.name]:
        valid = ", ".join(_METRICS[task.name])
        yield f"task.metric={task.metric}: not measured by task={task.name}; valid: {valid}"
    if isinstance(task, TranslationTaskConfig) and task.bleu_tokenizer != "13a":
        yield from _bleu_problems(task)


def _bleu_problems(task: TranslationTaskConfig) -> Iterator[str]:
    from sacrebleu.metrics import BLEU  # which of them can be chosen depends on its version

    key = f"task.bleu_tokenizer={task.bleu_tokenizer}"
    if task.bleu_tokenizer not in BLEU.TOKENIZERS:
        hint = suggestion(task.bleu_tokenizer, BLEU.TOKENIZERS)
        yield f"{key}: must be one of {', '.join(BLEU.TOKENIZERS)}{hint}"
    elif task.metric_on == "tokenized" and task.bleu_tokenizer != "none":
        yield f"{key}: with task.metric_on=tokenized the text is compared as it stands; leave out one of the two"


def _speech_problems(config: TrainConfig) -> Iterator[str]:
    task, model, data = config.task, config.model, config.data
    weight = config.search.ctc_weight
    if not isinstance(task, SpeechTaskConfig):
        if weight:
            yield f"search.ctc_weight={weight:g}: only task=speech has CTC"
        return
    if weight and not task.ctc_weight:
        yield f"search.ctc_weight={weight:g}: a model trained with task.ctc_weight=0 has no CTC"
    if task.ctc_weight == 1 and weight not in (None, 1):
        yield f"search.ctc_weight={weight:g}: a model trained with task.ctc_weight=1 has nothing but CTC"
    if isinstance(model, SpeechModelConfig):
        if model.embedding.tie in (Tie.all, Tie.source_target):
            yield f"model.embedding.tie={model.embedding.tie}: sound has no embedding; none or target_output"
        encoder, features = model.encoder, model.features
        if (encoder.front == "none") is bool(encoder.front_channels):
            needed = "none without channels, " if encoder.front_channels else ""
            yield (
                f"model.encoder.front={encoder.front}: with front_channels={shown(encoder.front_channels)};"
                f" {needed or 'strided or vgg have '}one number a stage"
            )
        wrong = [layer for layer in encoder.reduce_after if not 1 <= layer <= encoder.layers]
        if wrong:
            yield f"model.encoder.reduce_after={shown(encoder.reduce_after)}: layers are numbered 1 to {encoder.layers}"
        upper = features.upper_hz or features.sample_rate / 2
        if upper > features.sample_rate / 2 or upper <= features.lower_hz:
            yield (
                f"model.features.upper_hz={features.upper_hz:g}: must be above lower_hz and at most half of"
                f" sample_rate={features.sample_rate}"
            )
    if isinstance(data, SpeechDataConfig):
        augment = data.augment
        if not augment.speeds or min(augment.speeds) <= 0:
            yield f"data.augment.speeds={shown(augment.speeds)}: one or more factors above 0"
        if len(augment.noise_snr) not in (0, 2):
            yield f"data.augment.noise_snr={shown(augment.noise_snr)}: two ratios in dB, or none"


def _data_problems(data: DataConfig) -> Iterator[str]:
    if type(data) is not DATA_FORMATS.get(data.format):
        yield f"data.format={data.format}: set by the choice of data=; write data={data.format}"
        return
    if isinstance(data, ParallelTextConfig):
        for split, pair, needed in (
            ("train", data.train, True),
            ("val", data.val, True),
            ("test", data.test, False),
        ):
            for side, value in (("source", pair.source), ("target", pair.target)):
                if value is None and (needed or pair.source or pair.target):
                    yield f"data.{split}.{side}: not given; a path or a list of paths"
    elif isinstance(data, (TsvConfig, JsonlConfig, SpeechDataConfig)):
        for split in ("train", "val"):
            if getattr(data, split) is None:
                yield f"data.{split}: not given; a path or a list of paths"
    if isinstance(data, TsvConfig) and data.source_column == data.target_column:
        yield f"data.target_column={data.target_column}: is the source's column as well"
    if isinstance(data, JsonlConfig) and data.source_field == data.target_field:
        yield f"data.target_field={data.target_field}: is the source's field as well"


def _tokenizer_problems(data: DataConfig) -> Iterator[str]:
    tokenizer = data.tokenizer
    subwords = tokenizer.kind in (TokenizerKind.unigram, TokenizerKind.bpe)
    if tokenizer.sampling.alpha > 0 and not subwords:
        yield (
            f"data.tokenizer.sampling.alpha={tokenizer.sampling.alpha:g}: kind={tokenizer.kind} cuts a text in"
            " one way only; sampling needs kind unigram or bpe"
        )
    for side, model in (("source_model", tokenizer.source_model), ("target_model", tokenizer.target_model)):
        if model is not None and not subwords:
            yield f"data.tokenizer.{side}={model}: SentencePiece models need kind unigram or bpe"
    if tokenizer.shared and tokenizer.target_model not in (None, tokenizer.source_model):
        yield (
            f"data.tokenizer.target_model={tokenizer.target_model}: with shared=true one model serves both"
            " sides; give source_model alone, or shared=false"
        )


def _model_problems(config: TrainConfig) -> Iterator[str]:
    model, decoder = config.model, config.model.decoder
    attention, embedding = decoder.attention, model.embedding
    text = config.task.name is TaskName.translation
    if text and embedding.tie in (Tie.all, Tie.source_target) and not config.data.tokenizer.shared:
        yield f"model.embedding.tie={embedding.tie}: needs one vocabulary, data.tokenizer.shared=true"
    luong = attention.kind in (AttentionKind.luong, AttentionKind.luong_monotonic)
    query_depth = model.cell.num_proj or decoder.units
    if luong and attention.units not in (0, query_depth):
        yield (
            f"model.decoder.attention.units={attention.units}: Luong's scores need keys as deep as the"
            f" decoder's output, {query_depth} (or 0)"
        )
    if attention.kind is AttentionKind.location:
        if attention.location_width % 2 == 0:
            yield (
                f"model.decoder.attention.location_width={attention.location_width}: must be odd, to see as far to"
                " both sides"
            )
    else:
        for name, given in (("smoothing", attention.smoothing), ("window", attention.window)):
            if given:
                yield (
                    f"model.decoder.attention.{name}={shown(given)}: only kind=location has it,"
                    f" not kind={attention.kind}"
                )
    if model.cell.proj_clip and not model.cell.num_proj:
        yield f"model.cell.proj_clip={model.cell.proj_clip:g}: has nothing to clip without model.cell.num_proj"
    if model.bridge is Bridge.copy:
        directions = 2 if model.encoder.bidirectional else 1
        width = model.encoder.units * directions
        if width != decoder.units:
            yield (
                f"model.bridge=copy: copies a state of {width} units (both directions side by side)"
                f" into a decoder of {decoder.units}; make them equal, or take model.bridge=dense"
            )
        elif model.cell.num_proj and directions == 2:
            yield (
                f"model.bridge=copy: two directions of model.cell.num_proj={model.cell.num_proj} side by side"
                " do not fit a decoder of one; take model.bridge=dense"
            )
    sampling = config.task.scheduled_sampling
    if (
        sampling.schedule in (SamplingSchedule.linear, SamplingSchedule.inverse_sigmoid)
        and not sampling.warmup_steps
    ):
        yield (
            f"task.scheduled_sampling.schedule={sampling.schedule}: rises over"
            " task.scheduled_sampling.warmup_steps, which must be above 0"
        )


def _optimizer_problems(config: TrainConfig) -> Iterator[str]:
    optimizer = config.optimizer
    if optimizer.weight_decay and optimizer.name is not OptimizerName.adamw:
        yield (
            f"optimizer.weight_decay={optimizer.weight_decay:g}: only optimizer=adamw has it;"
            f" {optimizer.name} takes optimizer.l2"
        )
    if optimizer.momentum and optimizer.name is not OptimizerName.sgd:
        yield f"optimizer.momentum={optimizer.momentum:g}: only optimizer=sgd has it, not {optimizer.name}"


def _search_problems(config: TrainConfig) -> Iterator[str]:
    search = config.search
    if search.name is SearchName.greedy and search.beam_width > 1:
        yield f"search.beam_width={search.beam_width}: greedy search follows one hypothesis; take search=beam"
    elif search.n_best > search.beam_width:
        yield f"search.n_best={search.n_best}: at most as many as search.beam_width={search.beam_width}"
    if search.min_length_ratio > search.max_length_ratio:
        yield (
            f"search.min_length_ratio={search.min_length_ratio:g}: above"
            f" search.max_length_ratio={search.max_length_ratio:g}"
        )


def _training_problems(config: TrainConfig) -> Iterator[str]:
    training = config.training
    if training.average_last > training.keep_checkpoints:
        yield (
            f"training.average_last={training.average_last}: only"
            f" training.keep_checkpoints={training.keep_checkpoints} are kept"
        )
    if training.profile is not None and not re.fullmatch(r"\d+:\d+", training.profile):
        yield f"training.profile={training.profile}: must be START:STOP, numbers of steps, as 100:120"


def _hardware_problems(config: TrainConfig) -> Iterator[str]:
    hardware = config.hardware
    device, strategy, precision = hardware.device, hardware.strategy, hardware.precision
    static = config.masking.policy is MaskingPolicy.static
    if device is Device.gpu and precision is Precision.bfloat16:
        yield "hardware.precision=bfloat16: is for CPUs; hardware.device=gpu takes float16 or float32"
    if device is Device.cpu and precision is Precision.float16:
        yield "hardware.precision=float16: is for GPUs; hardware.device=cpu takes bfloat16 or float32"
    if device is Device.tpu:
        if precision is not Precision.float32:
            yield f"hardware.precision={precision}: a TPU multiplies in bfloat16 by itself; leave it at float32"
        if strategy is not Strategy.auto:
            yield f"hardware.strategy={strategy}: hardware.device=tpu has its own; leave it at auto"
        if not static:
            yield f"hardware.device=tpu: needs masking=static, not masking={config.masking.policy}"
    if hardware.logical_devices and strategy is not Strategy.mirrored:
        yield f"hardware.logical_devices={hardware.logical_devices}: only hardware=mirrored has them"
    if hardware.xla and not static:
        yield f"hardware.xla=true: needs masking=static, not masking={config.masking.policy}"
    if hardware.xla and (strategy not in (Strategy.auto, Strategy.one) or device is Device.tpu):
        yield "hardware.xla=true: is for one device; write hardware=cpu or hardware=gpu"
