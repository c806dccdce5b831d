"""Damaged and hostile image files end in an error that names them, soon, and in little memory."""

import warnings
from random import Random

import PIL.Image
import pytest
from fuzzing import fuzz
from test_psd import RGB, TRANSPARENT_LAYERS, noise, psd, resource

from colorzoo.errors import UnreadableImageError
from colorzoo.io.pil_file import read_image
from colorzoo.io.raster_file import open_raster


@pytest.fixture(scope="module")
def seeds(formats, tmp_path_factory):
    """A small file of each format, kind and depth."""
    folder, found = tmp_path_factory.mktemp("seeds"), {}
    for case in Random(0).sample(formats.format_cases.cases(), k=80):
        path = folder / f"seed{case.suffix}"
        kind = (case.suffix, case.layout)
        if len(found.setdefault(kind, [])) < 3:
            case.write(path)
            try:
                read_image(path)
            except UnreadableImageError:
                continue
            found[kind].append(path.read_bytes())
    for name in ("JPEG", "ICO", "MPO", "GIF"):
        images = [PIL.Image.effect_noise((16, 16), 80).convert("RGB") for _ in range(2)]
        images[0].save(
            folder / "seed", name, **({"save_all": True, "append_images": images[1:]} if name in "MPO GIF" else {})
        )
        found[name] = [(folder / "seed").read_bytes()]
    for name in ("a.psd", "b.psb"):
        layers, resources = (TRANSPARENT_LAYERS, b"") if name == "a.psd" else (b"", resource(1060, b"<x/>"))
        path = psd(folder / name, noise(4, 5, 6), RGB, layers=layers, resources=resources, packed=name == "b.psb")
        read_image(path)
        found[name] = [path.read_bytes()]
    return [data for group in found.values() for data in group]


def test_damaged_images_end_in_an_error_that_names_them(seeds, tmp_path):
    path = tmp_path / "image"

    def read(data):
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with open_raster(path, max_megapixels=4) as file:
                    for _, image in zip(range(3), file.read_pages(), strict=False):
                        assert image.levels.ndim in (2, 3)
            except UnreadableImageError as error:
                if str(path) not in str(error):
                    raise AssertionError("the file is not named") from error
                raise

    assert fuzz(seeds, read, (UnreadableImageError, ValueError)) > len(seeds)
