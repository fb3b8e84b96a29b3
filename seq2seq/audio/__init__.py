"""Audio: reading files, log-mel features in the graph, augmentation.

`features` and `augmentation` need TensorFlow and are not imported here.
"""

from seq2seq.audio.audio_reader import AudioReader
from seq2seq.audio.reading import AudioInfo, audio_info, read_audio

__all__ = ["AudioInfo", "AudioReader", "audio_info", "read_audio"]
