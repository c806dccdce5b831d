"""Write ``colorzoo/models/__init__.pyi``: what editors and mypy know of the models. Run it after adding or publishing.

python tests/write_stub.py
"""

from pathlib import Path

from colorzoo.registry import model_class
from colorzoo.zoo import list_models

STUB = Path(__file__).parents[1] / "colorzoo" / "models" / "__init__.pyi"


def stub():
    names = [name for name in list_models() if model_class(name).__module__ == f"colorzoo.models.{name}"]
    lines = ["from typing import Literal", ""]
    lines += [f"from colorzoo.models.{name} import {(c := model_class(name).__name__)} as {c}" for name in names]
    for task, prefix in (("colorization", "Colorizer"), ("denoising", "Denoiser")):
        of_task = [name for name in names if model_class(name).task == task]
        tags = [tag for tag in list_models(task, published=True) if tag.partition(".")[0] in of_task]
        for kind, values in (("Name", of_task), ("Tag", tags)):
            listed = "".join(f'    "{value}",\n' for value in values)
            lines += ["", f"{prefix}{kind} = Literal[\n{listed}]"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    STUB.write_text(stub())
