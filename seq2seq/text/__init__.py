"""Text to ids and back: tokenizers behind one protocol, and the normalisation before them."""

from seq2seq.text.character_tokenizer import CharacterTokenizer
from seq2seq.text.label_vocabulary import LabelVocabulary
from seq2seq.text.load import load_tokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.sentencepiece_tokenizer import SentencePieceTokenizer
from seq2seq.text.tokenizer import END_ID, PAD_ID, START_ID, UNKNOWN_ID, Tokenizer
from seq2seq.text.train import train_tokenizer
from seq2seq.text.word_tokenizer import WordTokenizer

__all__ = [
    "END_ID",
    "PAD_ID",
    "START_ID",
    "UNKNOWN_ID",
    "CharacterTokenizer",
    "LabelVocabulary",
    "Normalizer",
    "SentencePieceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "load_tokenizer",
    "train_tokenizer",
]
