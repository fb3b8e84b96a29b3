"""Fields of a configuration that are right by themselves and do not go together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seq2seq.config.ranges import shown
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
from seq2seq.config.words import suggestion


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
        for name, milliseconds, least in (
            ("window_ms", features.window_ms, 2),
            ("hop_ms", features.hop_ms, 1),
        ):
            if round(features.sample_rate * milliseconds / 1000) < least:
                yield (
                    f"model.features.{name}={milliseconds:g}: must be at least {least} samples at"
                    f" model.features.sample_rate={features.sample_rate}"
                )
        upper = features.upper_hz or features.sample_rate / 2
        if upper > features.sample_rate / 2 or upper <= features.lower_hz:
            yield (
                f"model.features.upper_hz={features.upper_hz:g}: must be above lower_hz and at most half of"
                f" sample_rate={features.sample_rate}"
            )
    if isinstance(data, SpeechDataConfig):
        snr = data.augment.noise_snr
        if snr and snr[0] > snr[1]:
            yield f"data.augment.noise_snr={shown(snr)}: the first ratio must not be above the second"


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
    if tokenizer.sampling.nbest in (0, 1):
        yield f"data.tokenizer.sampling.nbest={tokenizer.sampling.nbest}: leaves nothing to sample; -1 (all) or from 2"
    if subwords and tokenizer.character_coverage < 0.98:
        yield (
            f"data.tokenizer.character_coverage={tokenizer.character_coverage:g}: at least 0.98 with"
            f" data.tokenizer.kind={tokenizer.kind}"
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
    if training.profile is not None:
        steps = re.fullmatch(r"([0-9]{1,18}):([0-9]{1,18})", training.profile)
        if not steps or not 1 <= int(steps[1]) <= int(steps[2]):
            yield (
                f"training.profile={shown(training.profile)}: must be START:STOP, the first and the last of some steps,"
                " which are counted from 1, as 100:120"
            )


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
