"""Holes of a picture filled, without a model."""

from colorzoo.inpainting.efros_leung import inpaint

__all__ = ["inpaint"]
