"""LightningDataModules: where pictures come from, one file a source."""
