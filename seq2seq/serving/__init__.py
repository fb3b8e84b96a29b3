"""Export to a SavedModel that a stock TensorFlow server loads, and the proof that it answers like the checkpoint."""
