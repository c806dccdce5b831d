"""What kind of process this is: one that only runs models on images, or any other."""

inference_only = False
"""Set by the console script before it imports a model, for commands that never train: they do without Lightning."""
