"""Speech: an example is an utterance, the loss joins CTC and cross entropy, and WER and CER are measured."""
