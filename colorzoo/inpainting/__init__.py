"""Holes of an image filled, without a model."""

from colorzoo.inpainting.efros_leung import inpaint

__all__ = ["inpaint"]
