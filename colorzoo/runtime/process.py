"""What this process is for."""

inference_only: bool = False
"""Whether it only runs models on files, as ``colorzoo colorize`` does: models are then built without Lightning.

Set before ``colorzoo.base`` is imported, and only by the console script: a Python user always gets LightningModules.
"""
