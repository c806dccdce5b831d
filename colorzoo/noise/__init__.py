"""Noise: synthesis, estimation, and the filters that need no model."""
