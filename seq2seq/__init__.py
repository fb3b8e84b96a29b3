"""Train, evaluate and serve LSTM sequence-to-sequence models for translation and speech."""

__version__ = "0.1.0"
