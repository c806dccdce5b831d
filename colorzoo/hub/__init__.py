"""Checkpoint files, strict loading, and the model cards made from them."""
