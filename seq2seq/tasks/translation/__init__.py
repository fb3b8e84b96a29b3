"""Translation: an example is a pair of lines, the loss is cross entropy, and BLEU and chrF are measured."""
