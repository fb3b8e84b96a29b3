"""Types, defaults and documentation of everything in conf/.

A field's default is what holds where no YAML file of conf/ says otherwise. Ranges travel as metadata of the
fields (see `number`) and are enforced by `seq2seq.config.ranges`; what no field
can say by itself is in `seq2seq.config.contradictions`.

Two habits shape this file: OmegaConf refuses `Literal`, hence the enumerations; YAML reads a bare `off` as
False, hence their `none`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional


class Choice(str, Enum):
    """A word out of a few; prints and compares as that word."""

    def __str__(self) -> str:
        return str(self.value)


def number(
    default: Any,
    *,
    above: Optional[float] = None,
    at_least: Optional[float] = None,
    below: Optional[float] = None,
    at_most: Optional[float] = None,
) -> Any:
    """A numeric field with the range that it must lie in."""
    return field(default=default, metadata=_limits(above, at_least, below, at_most))


def numbers(
    *default: float,
    above: Optional[float] = None,
    at_least: Optional[float] = None,
    below: Optional[float] = None,
    at_most: Optional[float] = None,
    items: Sequence[int] = range(1000),
    unique: bool = False,
) -> Any:
    """A list of numbers with the range of each, how many there may be, and whether none may come twice."""
    metadata = {**_limits(above, at_least, below, at_most), "items": items, "unique": unique}
    return field(default_factory=lambda: list(default), metadata=metadata)


def _limits(
    above: Optional[float], at_least: Optional[float], below: Optional[float], at_most: Optional[float]
) -> dict[str, Any]:
    limits = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
    return {word: limit for word, limit in limits.items() if limit is not None}


def positive(default: Any) -> Any:
    return number(default, above=0)


def not_negative(default: Any) -> Any:
    return number(default, at_least=0)


def rate(default: float) -> Any:
    """A probability of leaving something out: 0 is off, 1 would leave nothing."""
    return number(default, at_least=0, below=1)


def files() -> Any:
    """A path or a list of paths, which OmegaConf has no type for."""
    return field(default=None, metadata={"files": True})


# --- task ---


class TaskName(Choice):
    translation = "translation"
    speech = "speech"


class Metric(Choice):
    bleu = "bleu"
    chrf = "chrf"
    wer = "wer"
    cer = "cer"
    loss = "loss"


class MetricText(Choice):
    detokenized = "detokenized"  # plain text, which `bleu_tokenizer` splits
    tokenized = "tokenized"  # the text is tokenised already and compared as it stands (tokenize=none)


class SamplingSchedule(Choice):
    none = "none"
    constant = "constant"
    linear = "linear"
    inverse_sigmoid = "inverse_sigmoid"


@dataclass
class ScheduledSamplingConfig:
    """Scheduled sampling (arXiv:1506.03099): in training the decoder reads some of its own words."""

    schedule: SamplingSchedule = SamplingSchedule.none
    rate: float = number(
        0.25, at_least=0, at_most=1
    )  # share of target inputs replaced by the model's own, at the end
    warmup_steps: int = not_negative(0)  # steps over which the share rises from 0 to `rate`


@dataclass
class TaskConfig:
    """What all tasks share."""

    name: TaskName = TaskName.translation  # fixed by the choice of task=
    label_smoothing: float = rate(0.1)  # probability mass spread evenly over the vocabulary
    metric: Metric = Metric.loss  # picks the best checkpoint, on the validation data
    lowercase_metric: bool = False  # compare without regard to case
    examples_shown: int = not_negative(5)  # outputs printed beside their references at the end
    scheduled_sampling: ScheduledSamplingConfig = field(default_factory=ScheduledSamplingConfig)


@dataclass
class TranslationTaskConfig(TaskConfig):
    name: TaskName = TaskName.translation
    metric: Metric = Metric.bleu
    metric_on: MetricText = MetricText.detokenized
    bleu_tokenizer: str = "13a"  # of sacreBLEU: what BLEU's words are; zh, ja-mecab, char, none, …


@dataclass
class SpeechTaskConfig(TaskConfig):
    name: TaskName = TaskName.speech
    metric: Metric = Metric.wer
    ctc_weight: float = number(0.3, at_least=0, at_most=1)  # of the loss; 0: attention only, 1: CTC only
    worst_shown: int = not_negative(20)  # utterances with most errors, written with their alignment


# --- data ---


class DataFormat(Choice):
    parallel_text = "parallel_text"
    tsv = "tsv"
    jsonl = "jsonl"
    audio_table = "audio_table"
    audio_jsonl = "audio_jsonl"
    librispeech = "librispeech"
    common_voice = "common_voice"
    kaldi = "kaldi"


class TokenizerKind(Choice):
    unigram = "unigram"
    bpe = "bpe"
    word = "word"
    character = "character"


class Normalization(Choice):
    none = "none"
    nfc = "nfc"
    nfkc = "nfkc"


class BatchType(Choice):
    tokens = "tokens"  # size counts the padded tokens of source and target
    examples = "examples"  # size counts sentence pairs


@dataclass
class SubwordSamplingConfig:
    """Subword regularisation (arXiv:1804.10959) for unigram, BPE-dropout (arXiv:1910.13267) for bpe."""

    alpha: float = number(
        0.0, at_least=0, at_most=1
    )  # 0 is off; unigram: smoothing, bpe: share of merges left out
    nbest: int = number(-1, at_least=-1, at_most=512)  # unigram: segmentations sampled from, -1 for all


@dataclass
class TokenizerConfig:
    kind: TokenizerKind = TokenizerKind.unigram
    vocabulary_size: int = number(
        8000, above=4
    )  # special pieces included; for `word` and `character` at most this many
    shared: bool = True  # one vocabulary for both languages
    source_model: Optional[str] = (
        None  # a SentencePiece model to use instead of training one (both sides if shared)
    )
    target_model: Optional[str] = None
    normalization: Normalization = Normalization.nfkc
    lowercase: bool = False
    character_coverage: float = number(
        1.0, above=0, at_most=1
    )  # share of the text's characters that get an id
    sampling: SubwordSamplingConfig = field(default_factory=SubwordSamplingConfig)  # in training only


@dataclass
class BatchConfig:
    type: BatchType = BatchType.tokens
    size: int = positive(4096)
    size_eval: int = not_negative(0)  # the same for validation loss and scoring; 0 takes `size`
    window: int = positive(50)  # batches' worth of shuffled pairs that are sorted by length together


@dataclass
class DataConfig:
    """What all formats share."""

    format: DataFormat = DataFormat.parallel_text  # fixed by the choice of data=
    root: Optional[str] = None  # folder that relative paths of files start from; without it, the current one
    max_source_length: int = not_negative(
        100
    )  # tokens; longer training pairs are left out and counted; 0: no limit
    max_target_length: int = not_negative(100)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    index_dir: Optional[str] = None  # where indices of tokenised text are kept; without it, inside the run


@dataclass
class TextPair:
    """Files of one split, line by line translations of each other; names ending in .gz are decompressed."""

    source: Any = files()
    target: Any = files()


@dataclass
class ParallelTextConfig(DataConfig):
    format: DataFormat = DataFormat.parallel_text
    train: TextPair = field(default_factory=TextPair)
    val: TextPair = field(default_factory=TextPair)
    test: TextPair = field(default_factory=TextPair)  # may be left out


@dataclass
class TsvConfig(DataConfig):
    """Tab-separated columns, no header."""

    format: DataFormat = DataFormat.tsv
    train: Any = files()
    val: Any = files()
    test: Any = files()  # may be left out
    source_column: int = not_negative(0)
    target_column: int = not_negative(1)


@dataclass
class JsonlConfig(DataConfig):
    """One JSON object a line."""

    format: DataFormat = DataFormat.jsonl
    train: Any = files()
    val: Any = files()
    test: Any = files()  # may be left out
    source_field: str = "source"
    target_field: str = "target"


class BrokenAudio(Choice):
    error = "error"  # names the file and stops
    skip = "skip"  # leaves the utterance out, names and counts it


@dataclass
class WaveformAugmentConfig:
    """What is done to sound before its features are computed, in training only."""

    # One of these factors for each utterance; one that is listed twice is drawn twice as often.
    speeds: list[float] = numbers(1.0, at_least=0.1, at_most=10, items=range(1, 1000))
    # dB: white noise at a ratio from the first to the second; none without them.
    noise_snr: list[float] = numbers(at_least=-200, at_most=200, items=(0, 2))
    gain: float = number(0.0, at_least=0, at_most=200)  # dB: louder or softer by up to this
    from_epoch: int = positive(1)  # nothing is changed in the epochs before


@dataclass
class SpeechDataConfig(DataConfig):
    """What all formats of utterances share; a split is a file or a folder, relative to `root`."""

    train: Any = files()
    val: Any = files()
    test: Any = files()  # may be left out
    max_target_length: int = not_negative(600)  # in characters, as are said in 35 seconds
    max_seconds: float = positive(30.0)  # longer training utterances are left out and counted
    broken_audio: BrokenAudio = BrokenAudio.error
    cache: bool = True  # keep decoded sound in the index, 2 bytes a sample
    augment: WaveformAugmentConfig = field(default_factory=WaveformAugmentConfig)


@dataclass
class AudioTableConfig(SpeechDataConfig):
    """TSV or CSV (by the file's ending) with a header."""

    format: DataFormat = DataFormat.audio_table
    audio_column: str = "audio"
    text_column: str = "text"
    speaker_column: str = "speaker"  # may be missing from the file
    id_column: str = "id"  # may be missing from the file


@dataclass
class AudioJsonlConfig(SpeechDataConfig):
    """One JSON object a line."""

    format: DataFormat = DataFormat.audio_jsonl
    audio_field: str = "audio"
    text_field: str = "text"
    speaker_field: str = "speaker"
    id_field: str = "id"


@dataclass
class LibriSpeechConfig(SpeechDataConfig):
    """Folders laid out as speaker/chapter/*.flac with *.trans.txt."""

    format: DataFormat = DataFormat.librispeech


@dataclass
class CommonVoiceConfig(SpeechDataConfig):
    """A language's folder with train.tsv, dev.tsv, test.tsv and clips/; a split is one of these files."""

    format: DataFormat = DataFormat.common_voice


@dataclass
class KaldiConfig(SpeechDataConfig):
    """Folders with wav.scp, text and, where there are, segments and utt2spk."""

    format: DataFormat = DataFormat.kaldi


# --- model ---


class Tie(Choice):
    none = "none"
    source_target = "source_target"  # one embedding for both languages
    target_output = "target_output"  # the output projection is the target embedding
    all = "all"


class Bridge(Choice):
    zero = "zero"
    copy = "copy"
    dense = "dense"


class AttentionKind(Choice):
    luong = "luong"
    bahdanau = "bahdanau"
    luong_monotonic = "luong_monotonic"
    bahdanau_monotonic = "bahdanau_monotonic"
    location = "location"  # looks where it looked before, too (arXiv:1506.07503)


class Activation(Choice):
    tanh = "tanh"
    linear = "linear"


@dataclass
class EmbeddingConfig:
    size: int = positive(256)
    tie: Tie = Tie.none
    scale: bool = True  # multiply by the square root of `size`; without it attention forms late
    dropout: float = rate(0.0)  # on embedded vectors
    word_dropout: float = rate(0.0)  # on whole words


@dataclass
class EncoderConfig:
    layers: int = positive(1)
    units: int = positive(256)  # of each direction
    bidirectional: bool = True
    residual: bool = False  # from the second layer on
    layer_norm: bool = False  # of the first layer's inputs and each layer's outputs
    dropout: float = rate(0.0)  # on the inputs of each layer after the first
    output_dropout: float = rate(0.0)  # on the memory that the decoder attends to
    recurrent_dropout: float = rate(0.0)  # on h between steps
    variational: bool = (
        False  # one mask for all steps of a sequence (Gal & Ghahramani 2016, arXiv:1512.05287)
    )


@dataclass
class AttentionConfig:
    kind: AttentionKind = AttentionKind.luong
    units: int = not_negative(0)  # depth of the keys; 0 takes the decoder's units, which Luong's need
    scaled: bool = True  # Luong: a learnt scale of the scores; Bahdanau, location: weight normalisation
    location_filters: int = positive(10)  # location: of the convolution over the alignments before
    location_width: int = positive(201)  # location: positions that each filter covers, an odd number
    smoothing: bool = False  # location: normalised sigmoids in place of a softmax, for wider alignments
    window: int = not_negative(0)  # location: only so many positions to each side of the last median; 0: all
    layer_size: int = positive(256)  # of the attention vector, made of context and cell output
    layer_activation: Activation = Activation.tanh
    dropout: float = rate(0.0)  # on the attention vector, which the vocabulary projection reads


@dataclass
class DecoderConfig:
    layers: int = positive(1)
    units: int = positive(512)
    residual: bool = False  # from the second layer on
    dropout: float = rate(0.0)  # on the inputs of each layer after the first
    recurrent_dropout: float = rate(0.0)  # on h between steps
    variational: bool = False  # one mask for all steps of a sequence
    input_feeding: bool = True  # the attention vector is part of the next step's input (Luong et al. 2015)
    attention: AttentionConfig = field(default_factory=AttentionConfig)


@dataclass
class CellConfig:
    """Of every LSTM cell of the model, in the names of TensorFlow 1's LSTMCell."""

    forget_bias: float = 1.0  # what the bias of each forget gate starts from
    use_peepholes: bool = False  # gates see the cell (Gers et al. 2002)
    num_proj: int = not_negative(0)  # size of h, projected from c's (arXiv:1402.1128); 0: the same size
    cell_clip: float = not_negative(0.0)  # c is kept within ±this; 0: off
    proj_clip: float = not_negative(0.0)  # a projected h is kept within ±this; 0: off
    layer_norm: bool = False  # of both matrix products and of c (arXiv:1607.06450)


@dataclass
class ModelConfig:
    cell: CellConfig = field(default_factory=CellConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    bridge: Bridge = Bridge.dense  # what becomes of the encoder's final state
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    initializer_range: float = not_negative(0.0)  # weights start uniform in ±this; 0: Glorot


class FeatureNormalization(Choice):
    none = "none"
    utterance = "utterance"  # mean 0, variance 1 of every bin over the utterance
    corpus = "corpus"  # the same over the training data


class Front(Choice):
    none = "none"
    strided = "strided"
    vgg = "vgg"


class Reduction(Choice):
    concat = "concat"  # two neighbouring steps side by side (arXiv:1508.01211)
    skip = "skip"  # every second step


@dataclass
class FeatureConfig:
    """Log-mel energies."""

    sample_rate: int = positive(16000)  # sound of another rate is resampled
    window_ms: float = positive(25.0)
    hop_ms: float = positive(10.0)
    mel_bins: int = positive(80)
    lower_hz: float = not_negative(20.0)
    upper_hz: float = not_negative(0.0)  # 0: half of the sample rate
    pre_emphasis: float = rate(0.97)
    dither: float = not_negative(0.0)  # standard deviation of noise added in training
    normalization: FeatureNormalization = FeatureNormalization.utterance


@dataclass
class SpecAugmentConfig:
    """Masks over features in training (arXiv:1904.08779)."""

    frequency_masks: int = not_negative(0)
    frequency_width: int = not_negative(27)  # bins, at most
    time_masks: int = not_negative(0)
    time_width: int = not_negative(40)  # frames, at most
    time_share: float = number(0.2, at_least=0, at_most=1)  # of an utterance's frames, at most, for each mask
    time_warp: int = not_negative(0)  # frames that a point is moved by, at most; 0 is off
    warmup_steps: int = not_negative(0)  # over which the widths grow from 0: alignment is learnt first


@dataclass
class AcousticEncoderConfig(EncoderConfig):
    front: Front = Front.strided  # convolutions before the recurrent layers
    # One stage each, which halves time; [] without.
    front_channels: list[int] = numbers(32, 32, above=0, items=range(17))
    front_size: int = positive(256)  # of what the front hands to the first layer
    front_dropout: float = rate(0.0)
    projection: int = not_negative(0)  # of each layer's output, with a tanh; 0: none
    reduce_after: list[int] = numbers(above=0, unique=True)  # layers, from 1, after which time is halved
    reduction: Reduction = Reduction.concat


@dataclass
class SpeechModelConfig(ModelConfig):
    features: FeatureConfig = field(default_factory=FeatureConfig)
    spec_augment: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    encoder: AcousticEncoderConfig = field(default_factory=AcousticEncoderConfig)


# --- masking, hardware ---


class MaskingPolicy(Choice):
    strict = "strict"
    cudnn = "cudnn"
    static = "static"
    none = "none"


class Device(Choice):
    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"
    tpu = "tpu"


class Strategy(Choice):
    auto = "auto"  # mirrored where there are several GPUs
    one = "one"  # one device
    mirrored = "mirrored"  # all devices of this machine
    multi_worker = "multi_worker"  # the devices of several machines, or processes


class Cluster(Choice):
    tf_config = "tf_config"  # the variable TF_CONFIG
    slurm = "slurm"  # a worker for each task of a Slurm step
    kubernetes = "kubernetes"  # a worker for each pod with the label job-name=tensorflow


class Precision(Choice):
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


@dataclass
class MaskingConfig:
    policy: MaskingPolicy = MaskingPolicy.strict
    shapes: int = positive(8)  # static: how many shapes of batches there are at most, each a graph of its own


@dataclass
class ThreadsConfig:
    intra: int = number(0, at_least=0, at_most=4096)  # within one operation; 0 leaves it to TensorFlow
    inter: int = number(0, at_least=0, at_most=4096)  # between operations


@dataclass
class HardwareConfig:
    device: Device = Device.auto
    strategy: Strategy = Strategy.auto  # how many devices train; a batch is split over them
    # mirrored: makes one CPU or GPU pass for so many; 0: off
    logical_devices: int = number(0, at_least=0, at_most=256)
    logical_memory: int = positive(1024)  # MiB of a GPU that each of them gets
    cluster: Cluster = Cluster.tf_config  # multi_worker: where it is described who the workers are
    timeout: float = positive(
        300.0
    )  # multi_worker: seconds to wait at the start for workers that do not answer
    tpu: Optional[str] = None  # name or address of the TPU, or local
    precision: Precision = Precision.float32  # of matrix products: bfloat16 on CPUs, float16 on GPUs
    xla: bool = False  # compile the training step; with masking=static, on one device
    threads: ThreadsConfig = field(default_factory=ThreadsConfig)


# --- optimizer ---


class OptimizerName(Choice):
    adam = "adam"
    adamw = "adamw"
    sgd = "sgd"


class ScheduleName(Choice):
    constant = "constant"
    inverse_sqrt = "inverse_sqrt"
    plateau = "plateau"
    cosine = "cosine"


@dataclass
class ScheduleConfig:
    name: ScheduleName = ScheduleName.constant
    warmup_steps: int = not_negative(0)  # the rate rises from 0 over so many steps; at most half of a cosine
    factor: float = number(0.5, above=0, below=1)  # plateau: what the rate is multiplied by
    patience: int = positive(1)  # plateau: validations without a better metric before that happens
    minimum: float = number(0.0, at_least=0, at_most=1)  # plateau, cosine: floor, as a share of learning_rate
    total_steps: int = not_negative(0)  # cosine: where the floor is reached; 0: at the run's end


@dataclass
class OptimizerConfig:
    name: OptimizerName = OptimizerName.adam
    learning_rate: float = positive(1e-3)
    beta_1: float = rate(0.9)  # adam, adamw
    beta_2: float = rate(0.999)
    epsilon: float = positive(1e-7)
    momentum: float = rate(0.0)  # sgd
    weight_decay: float = not_negative(0.0)  # adamw: decoupled from the gradient
    l2: float = not_negative(0.0)  # this times the sum of squared kernels and embeddings joins the loss
    clip_norm: float = not_negative(1.0)  # largest global norm of the gradient; 0 is off
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)


# --- search ---


class SearchName(Choice):
    greedy = "greedy"
    beam = "beam"


@dataclass
class SearchConfig:
    name: SearchName = SearchName.greedy
    beam_width: int = positive(1)
    n_best: int = positive(1)  # translations returned of each sentence
    length_penalty: float = not_negative(1.0)  # exponent; 0 compares plain log-probabilities
    coverage_penalty: float = not_negative(0.0)
    ctc_weight: Optional[float] = number(
        None, at_least=0, at_most=1
    )  # speech: of CTC's prefix scores; null: the task's
    # Longest target: ratio × source length + offset.
    max_length_ratio: float = number(2.0, at_least=0, at_most=1000)
    max_length_offset: int = number(10, at_least=0, at_most=1_000_000)
    min_length_ratio: float = number(0.0, at_least=0, at_most=1000)  # shortest target, relative to the source
    batch_size: int = positive(64)  # sentences
    max_seconds: float = not_negative(
        600.0
    )  # speech: longer sound is refused by predict and align; 0: none is


# --- training ---


@dataclass
class EarlyStoppingConfig:
    patience: int = not_negative(0)  # validations without a better metric before training ends; 0 is off
    min_delta: float = not_negative(0.0)  # a gain no larger than this is none


@dataclass
class TrainingConfig:
    epochs: int = positive(10)
    max_steps: Optional[int] = positive(None)  # ends training earlier
    validate_every: int = not_negative(0)  # steps; 0: after each epoch
    report_every: int = positive(100)  # steps
    checkpoint_every: int = not_negative(0)  # steps between checkpoints to go on from; 0: at each validation
    keep_checkpoints: int = positive(5)  # of those
    accumulate: int = positive(
        1
    )  # parts that a batch is worked through in, to the same update in less memory
    profile: Optional[str] = None  # START:STOP, steps of which TensorBoard shows a trace
    average_last: int = not_negative(
        0
    )  # average the weights of so many kept checkpoints at the end; 0 is off
    ema_decay: float = rate(0.0)  # validate and keep a moving average of the weights; 0 is off
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    progress: bool = True  # a progress bar, where the output is a terminal
    plots: bool = True  # learning curves and attention as PNG
    tensorboard: bool = True


# --- export ---


class ExportTokenizer(Choice):
    auto = "auto"  # in the graph where it can be: SentencePiece needs TensorFlow Text installed
    in_graph = "in_graph"  # clients send text
    none = "none"  # clients send ids


class ExportPrecision(Choice):
    float32 = "float32"
    bfloat16 = "bfloat16"


class ExportWeights(Choice):
    plain = "plain"  # as `precision` says
    int8 = "int8"  # large matrices in 8 bits with a scale for each output


@dataclass
class ExportConfig:
    """Of `seq2seq export`; training takes no notice of it."""

    tokenizer: ExportTokenizer = ExportTokenizer.auto
    precision: ExportPrecision = ExportPrecision.float32  # of the weights; all arithmetic is float32
    weights: ExportWeights = ExportWeights.plain
    examples: int = positive(200)  # of the validation data, that the export is checked on
    # What a request may ask for: a server's memory is not the client's.
    max_batch: int = positive(64)  # rows
    max_bytes: int = positive(10_000)  # of each text, in UTF-8
    max_tokens: int = positive(500)  # of each source and each target
    max_seconds: float = positive(60.0)  # of each waveform
    max_beam_width: int = positive(100)
    max_hypotheses: int = positive(640)  # rows × beam width


# --- the whole ---


@dataclass
class TrainConfig:
    task: TaskConfig = field(default_factory=TaskConfig)  # one of the tasks, by the choice of task=
    data: DataConfig = field(default_factory=DataConfig)  # one of the formats, by the choice of data=
    model: ModelConfig = field(default_factory=ModelConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    seed: int = number(1, at_least=0, at_most=2**32 - 1)
    run_dir: Optional[str] = None  # the run's folder; without it one is made under runs/


TASKS = {TaskName.translation: TranslationTaskConfig, TaskName.speech: SpeechTaskConfig}
MODELS = {TaskName.translation: ModelConfig, TaskName.speech: SpeechModelConfig}
DATA_FORMATS = {
    DataFormat.parallel_text: ParallelTextConfig,
    DataFormat.tsv: TsvConfig,
    DataFormat.jsonl: JsonlConfig,
    DataFormat.audio_table: AudioTableConfig,
    DataFormat.audio_jsonl: AudioJsonlConfig,
    DataFormat.librispeech: LibriSpeechConfig,
    DataFormat.common_voice: CommonVoiceConfig,
    DataFormat.kaldi: KaldiConfig,
}
