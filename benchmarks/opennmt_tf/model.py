"""OpenNMT-tf's recurrent translation model, of the size that users of it train on Multi30k.

For `onmt-main --model`; runs in OpenNMT-tf's own environment. Its CopyBridge cannot take the state of a
bidirectional LSTM (a list where the decoder has a tuple), so the bridge is dense.
"""

import tensorflow_addons as tfa
from opennmt import decoders, encoders, inputters, layers, models


def model() -> models.Model:
    return models.SequenceToSequence(
        source_inputter=inputters.WordEmbedder(embedding_size=256),
        target_inputter=inputters.WordEmbedder(embedding_size=256),
        encoder=encoders.LSTMEncoder(num_layers=1, num_units=512, bidirectional=True, dropout=0.3),
        decoder=decoders.AttentionalRNNDecoder(
            num_layers=1,
            num_units=512,
            bridge_class=layers.DenseBridge,
            attention_mechanism_class=tfa.seq2seq.LuongAttention,
            dropout=0.3,
        ),
    )
