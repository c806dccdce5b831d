"""sRGB, L*a*b* and the gamut."""

from colorzoo.color.conversions import *  # noqa: F403
