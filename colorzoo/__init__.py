"""colorzoo: models that colourise and de-noise images, trained, measured and ready to load.

Importing this package imports nothing else: names are looked up when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colorzoo.inpainting.efros_leung import inpaint
    from colorzoo.noise.estimation import estimate_noise
    from colorzoo.pipeline import Pipeline
    from colorzoo.registry import register
    from colorzoo.zoo import create, info, list_models, load

from colorzoo._version import __version__

__all__ = ["Pipeline", "__version__", "create", "estimate_noise", "info", "inpaint", "list_models", "load", "register"]

_HOMES = {
    "Pipeline": "pipeline",
    "register": "registry",
    "estimate_noise": "noise.estimation",
    "inpaint": "inpainting.efros_leung",
}
"""The files of the public names that are not in ``zoo``."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"colorzoo.{_HOMES.get(name, 'zoo')}"), name)
    raise AttributeError(f"module 'colorzoo' has no attribute {name!r}; it offers {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
