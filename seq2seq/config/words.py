"""What was meant by a key that there is not: names of other systems first, then the nearest one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf

from seq2seq.config.root import TrainConfig
from seq2seq.config.spelling import nearest
from seq2seq.config.tables import DATA_FORMATS, TASKS, models

_UNITS = "units hidden hidden_size hidden_dim hidden_units num_units n_units rnn_size dim width"

#: Keys, and what other systems call them.
_NAMES = {
    "optimizer.learning_rate": "lr learningrate eta alpha step_size peak_lr",
    "optimizer.clip_norm": "clip clip_grad clip_grad_norm grad_clip gradient_clip grad_norm max_grad_norm clipnorm"
    " gradient_clip_val",
    "optimizer.weight_decay": "wd weightdecay decay",
    "optimizer.schedule.warmup_steps": "warmup warmup_updates num_warmup_steps",
    "optimizer.schedule.name": "schedule scheduler lr_scheduler schedule_type lr_schedule decay_method",
    "data.batch.size": "batch_size batch batchsize bs minibatch minibatch_size train_batch_size max_tokens"
    " per_device_train_batch_size tokens_per_batch",
    "data.batch.size_eval": "eval_batch_size valid_batch_size per_device_eval_batch_size",
    "data.max_source_length": "max_length max_len maxlen src_seq_length max_source_positions max_src_len",
    "data.max_target_length": "max_length max_len maxlen tgt_seq_length max_target_positions max_tgt_len",
    "data.max_seconds": "max_duration max_audio_length",
    "data.root": "data_dir data_path data_root dataset_dir corpus",
    "data.train": "train_file train_data training_data trainset train_set",
    "data.val": "valid_file val_data val_file dev_file valid_set validation_data",
    "data.test": "test_file test_data test_set",
    "data.tokenizer.kind": "tokenizer tokenizer_type vocab_type token_type",
    "data.tokenizer.vocabulary_size": "vocab_size vocab n_vocab num_words vocabulary nbpe bpe_codes",
    "data.tokenizer.shared": "share_vocab joined_dictionary joint_vocab shared_vocab",
    "data.tokenizer.lowercase": "lower do_lower_case lc",
    "data.augment.speeds": "speed_perturb speed_perturbation",
    "model.encoder.units": f"{_UNITS} enc_hid_size enc_rnn_size",
    "model.decoder.units": f"{_UNITS} dec_hid_size dec_rnn_size",
    "model.encoder.layers": "num_layers n_layers nlayers depth enc_layers layers",
    "model.decoder.layers": "num_layers n_layers nlayers depth dec_layers layers",
    "model.encoder.dropout": "dropout drop dropout_rate dropout_prob p_drop",
    "model.decoder.dropout": "dropout drop dropout_rate dropout_prob p_drop",
    "model.encoder.bidirectional": "bidir birnn brnn bi",
    "model.embedding.size": "embedding emb embed emb_size emb_dim embed_dim embedding_size embedding_dim word_vec_size",
    "model.embedding.tie": "tie_weights tied share_embeddings share_decoder_embeddings tie_embeddings",
    "model.decoder.attention.kind": "attn attention attention_type global_attention attn_type",
    "model.features.sample_rate": "sr sampling_rate samplerate fs",
    "model.features.mel_bins": "n_mels num_mel_bins num_mels mels",
    "model.spec_augment.max_mask_ratio": "time_share time_mask_ratio time_mask_p",
    "search.beam_width": "beam beams beam_size beamsize num_beams n_beams",
    "search.n_best": "nbest num_return_sequences",
    "search.length_penalty": "lenpen length_norm len_penalty",
    "search.max_length_ratio": "max_len_a max_decode_length max_decoding_length",
    "task.metric": "metric_for_best_model best_checkpoint_metric monitor",
    "task.label_smoothing": "label_smooth ls smoothing",
    "task.bleu_tokenizer": "tokenize tok sacrebleu_tokenize bleu_tokenize",
    "task.ctc_weight": "ctc mtlalpha",
    "task.scheduled_sampling.rate": "scheduled_sampling teacher_forcing teacher_forcing_ratio",
    "training.epochs": "epoch num_epochs n_epochs max_epoch max_epochs num_train_epochs",
    "training.max_steps": "steps num_steps train_steps max_update max_updates total_steps iterations max_iter",
    "training.report_every": "log_every log_interval logging_steps report_interval",
    "training.validate_every": "eval_every eval_steps eval_interval valid_steps validate_interval val_check_interval",
    "training.checkpoint_every": "save_every save_steps save_interval save_checkpoint_steps",
    "training.keep_checkpoints": "keep_checkpoint save_total_limit keep_last_epochs max_to_keep",
    "training.accumulate": "accum accum_count accum_steps update_freq gradient_accumulation_steps grad_accum",
    "training.early_stopping.patience": "patience early_stop early_stopping",
    "training.ema_decay": "ema",
    "training.average_last": "average avg_num average_checkpoints",
    "hardware.threads.intra": "workers num_workers threads num_threads",
    "init.everything": "pretrained pretrained_model load_model load_weights init_param finetune_from train_from",
    "init.encoder": "load_encoder",
    "init.decoder": "load_decoder",
    "init.freeze_steps": "freeze freeze_param freeze_layers freeze_updates freeze_finetune_updates",
    "seed": "random_seed rng_seed manual_seed",
    "run_dir": "out output output_dir out_dir save_dir model_dir log_dir logdir exp_dir exp name exp_name run_name run",
}

_KEYS_OF: dict[str, list[str]] = {}
for _key, _others in _NAMES.items():
    for _word in _others.split():
        _KEYS_OF.setdefault(_word, []).append(_key)

#: Parts of a dotted key.
_PARTS = {
    "src": "source",
    "trg": "target",
    "tgt": "target",
    "dev": "val",
    "valid": "val",
    "validation": "val",
    "optim": "optimizer",
    "opt": "optimizer",
    "enc": "encoder",
    "dec": "decoder",
    "attn": "attention",
    "embeddings": "embedding",
}

_GPU = (
    "write hardware=gpu (CUDA_VISIBLE_DEVICES=N picks one of several), or hardware=mirrored for all of them"
)
_HALF = "write hardware.precision=float16, on a GPU"
_CONTINUE = "write run_dir=RUN, which goes on with that run"

#: Words that no single key stands for.
_ADVICE = {
    **dict.fromkeys(
        ("gpu", "gpus", "cuda", "num_gpus", "n_gpu", "ngpu", "gpu_id", "gpu_ids", "device_id"), _GPU
    ),
    **dict.fromkeys(("fp16", "amp", "half", "mixed_precision", "use_amp"), _HALF),
    **dict.fromkeys(("resume", "resume_from", "restore", "checkpoint", "ckpt", "init_checkpoint"), _CONTINUE),
    "bf16": "write hardware.precision=bfloat16, on a CPU",
    "cpu": "write hardware=cpu",
}


def within_group(key: str) -> str | None:
    """The key that a value for a whole group was probably meant for: `data.batch=32` is `data.batch.size`."""
    named = _KEYS_OF.get(key.rsplit(".", 1)[-1], ())
    return next((name for name in named if name.startswith(f"{key}.")), None)


def dotted(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Every key of a configuration, groups of keys before what they hold."""
    for name in config:
        key = prefix + str(name)
        yield key
        if is_dataclass(OmegaConf.get_type(config, str(name))):
            yield from dotted(config[name], key + ".")


def unknown_key(config: DictConfig, key: str, parent: str, siblings: Iterable[str]) -> str:
    """The sentence about a key that a configuration does not have.

    Args:
        config: the whole configuration.
        key: dotted, from the root.
        parent: the longest beginning of it that is a group of keys; empty at the root.
        siblings: the keys of that group.
    """
    siblings = [str(sibling) for sibling in siblings]
    place = f"{parent} has" if parent else "valid"
    elsewhere = choices_with(config, key, value=True)
    if elsewhere:
        return f"{key}: no such key; only {elsewhere} has it"
    meant = _meant(config, key, parent, siblings)
    if meant:
        return f"{key}: no such key; did you mean {' or '.join(meant)}? {place}: {', '.join(siblings)}"
    advice = _ADVICE.get(_plain(key).rsplit(".", 1)[-1])
    return f"{key}: no such key; {advice or place + ': ' + ', '.join(siblings)}"


def option_advice(option: str, value: str | None = None) -> str:
    """What to write in place of `--learning-rate`, where values are given by their keys; empty where nobody knows."""
    name = _plain(option.lstrip("-"))
    is_key = name in dotted(OmegaConf.structured(TrainConfig))
    written = [f"{key}={value or '…'}" for key in ([name] if is_key else likely_keys(name))]
    return _ADVICE.get(name) or (f"write {', or '.join(written)}" if written else "")


def likely_keys(key: str) -> list[str]:
    """The keys that one which does not exist may stand for; none where it does."""
    config = OmegaConf.structured(TrainConfig)
    return [] if key in dotted(config) else _meant(config, key, "", [str(name) for name in config])


def _meant(config: DictConfig, key: str, parent: str, siblings: Sequence[str]) -> list[str]:
    """The keys that this one may stand for, from the surest rule that gives any.

    Args: see `unknown_key`.
    """
    keys = list(dotted(config))
    first, *parts = _plain(key).split(".")
    word = parts[-1] if parts else first
    translated = ".".join(_PARTS.get(part, part) for part in [first, *parts])
    if parts and first in ("train", "trainer"):
        translated = f"training.{'.'.join(parts)}"
    if translated in keys:
        return [translated]
    named = [name for name in _KEYS_OF.get(word, ()) if name in keys]
    ending = [name for name in keys if name.endswith(f".{translated}")]
    here = [name for name in named if not parent or name.startswith(f"{parent}.")]
    sibling = _sibling(keys, key, parent, siblings)
    misspelt = [name for name in sibling if name.rsplit(".", 1)[-1] == word]  # in an earlier part alone
    rules = [misspelt, ending, here] if parts else [here, ending]
    if word not in _ADVICE:
        rules.append(sibling)
    rules.append(named)
    if word not in _ADVICE:  # the right word in the wrong place
        near = nearest(word, {name.rsplit(".", 1)[-1] for name in keys}, cutoff=0.75)
        rules.append([name for name in keys if name.rsplit(".", 1)[-1] == near])
    return next((meant[:3] for meant in rules if meant), [])


def _sibling(keys: Sequence[str], key: str, parent: str, siblings: Sequence[str]) -> list[str]:
    """The key of the same group that is spelt most like this one, with what follows where that fits."""
    before = f"{parent}." if parent else ""
    name, *rest = key[len(before) :].split(".")
    near = nearest(name, siblings)
    if near is None:
        return []
    whole = before + ".".join([near, *rest])
    return [whole if whole in keys else before + near]


def choices_with(config: DictConfig, key: str, *, value: bool) -> str:
    """`data=tsv or data=jsonl`: the choices that have a key, of the configuration's task if there are any.

    Args:
        config: the whole configuration, which does not have the key, or not so.
        key: dotted, from the root.
        value: whether they have it as a value; else as a group of keys.
    """
    group, _, rest = _plain(key).partition(".")
    task: Any = OmegaConf.get_type(config, "task")
    if group == "data":
        formats = {name: schema for name, schema in DATA_FORMATS.items() if _has(schema, rest, value)}
        own = [name for name, schema in formats.items() if issubclass(schema, task.reads)]
        if own:
            return " or ".join(f"data={name}" for name in own)
        readers = [
            name
            for name, other in TASKS.items()
            if any(issubclass(schema, other.reads) for schema in formats.values())
        ]
        return " or ".join(f"task={name}" for name in readers)
    schemas: Mapping[Any, Any] = {"task": TASKS, "model": models()}.get(group, {})
    return " or ".join(f"task={name}" for name, schema in schemas.items() if _has(schema, rest, value))


def _has(schema: Any, key: str, value: bool) -> bool:
    name, _, rest = key.partition(".")
    kind = get_type_hints(schema).get(name)
    if rest:
        return is_dataclass(kind) and _has(kind, rest, value)
    return kind is not None and is_dataclass(kind) is not value


def _plain(key: str) -> str:
    return key.lower().replace("-", "_").replace("/", ".")
