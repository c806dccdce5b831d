"""Shards: a folder of images in a form that streams."""
