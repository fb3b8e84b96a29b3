"""Sound: reading files, log-mel features in the graph, augmentation.

`features` and `augmentation` need TensorFlow and are not imported here.
"""

from seq2seq.audio.reading import AudioInfo, audio_info, read_audio
from seq2seq.audio.sound_reader import SoundReader

__all__ = ["AudioInfo", "SoundReader", "audio_info", "read_audio"]
