"""Data sets, splits, samplers and batches, below the LightningDataModules."""
