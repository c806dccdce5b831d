import warnings

import numpy as np
import PIL.Image
import pytest
import torch
from scanned import apply_to_gray

from colorzoo.errors import OutputExistsError, UnreadableImageError
from colorzoo.io.pil_file import read_image, write_image


def tinted(grey):
    """A stand-in for a colouriser: grey in, reddish out."""
    return torch.cat([grey, grey * 0.5, grey * 0.5], dim=1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_every_mode_of_picture_comes_back_in_colour_and_size(mode):
    values = np.linspace(0, 255, 20 * 30).reshape(20, 30)
    if mode in ("I;16", "I"):
        image = PIL.Image.fromarray((values * 257).astype(np.uint16)).convert(mode)
    elif mode == "F":
        image = PIL.Image.fromarray((values / 255).astype(np.float32))
    else:
        image = PIL.Image.fromarray(values.astype(np.uint8)).convert(mode)
    out = apply_to_gray(image, tinted)
    assert out.size == (30, 20)
    assert out.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
    red = np.asarray(out)[:, :, 0].astype(int)
    if mode != "1":
        assert np.abs(red - values).max() <= 3


def test_alpha_is_untouched():
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = PIL.Image.fromarray(np.dstack([np.full((16, 16), 99, np.uint8)] * 3 + [alpha]))
    assert np.array_equal(np.asarray(apply_to_gray(image, tinted))[:, :, 3], alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3)])
def test_arrays_come_back_as_arrays_of_their_type(dtype, shape):
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    out = apply_to_gray(np.full(shape, top, dtype), tinted)
    assert out.dtype == dtype
    assert out.shape == (9, 7, 3)
    assert out[0, 0, 0] == top


def test_colour_is_reduced_to_its_lightness():
    seen = []
    apply_to_gray(np.full((4, 4, 3), (255, 0, 0), np.uint8), lambda grey: seen.append(grey) or tinted(grey))
    # L* of sRGB red is 53.24, and the grey of that L* is 0.4980.
    assert seen[0].mean().item() == pytest.approx(0.498, abs=2e-3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.rand(1, 3, 4, 4), "3 channels; give 1"),
        (torch.rand(1, 4, 4), r"give a batch \(B, 1, H, W\)"),
        (torch.rand(0, 1, 4, 4), "empty"),
        (torch.rand(1, 1, 0, 4), "empty"),
        (torch.full((1, 1, 2, 2), float("nan")), "NaN"),
        (torch.full((1, 1, 2, 2), 255.0), r"scale them to \[0, 1\]"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), "give floats"),
        (np.zeros((2, 2, 2), np.uint8), r"give \(H, W\)"),
        (np.zeros((2, 2), np.int64), "give uint8"),
        (np.full((2, 2, 3), np.nan, np.float32), "NaN"),
        (np.zeros((0, 2), np.uint8), "empty"),
    ],
)
def test_bad_values_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        apply_to_gray(bad, tinted)


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match="give a path, a PIL image, an array or a tensor"):
        apply_to_gray([1, 2], tinted)


def test_orientation_is_honoured(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("L", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").size == (20, 30)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    PIL.Image.effect_noise((80, 60), 80).save(path)
    return path


def test_unreadable_files_are_told_apart(photo, tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "short.jpg").write_bytes(photo.read_bytes()[:600])
    cases = {"": "directory", "missing.png": "does not exist", "empty.png": "0 bytes", "text.png": "not an image"}
    for name, message in {**cases, "short.jpg": "truncated"}.items():
        with pytest.raises(UnreadableImageError, match=message):
            read_image(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_decompression_bombs_are_refused_and_pillow_keeps_its_own_limit(tmp_path, monkeypatch, suffix):
    photo = tmp_path / f"photo{suffix}"
    PIL.Image.effect_noise((80, 60), 80).save(photo)
    with pytest.raises(UnreadableImageError, match=r"at most 0.001 are decoded.*--max-megapixels"):
        read_image(photo, max_megapixels=0.001)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 2500 if suffix == ".webp" else 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(photo).size == (80, 60)
    assert PIL.Image.MAX_IMAGE_PIXELS in (1000, 2500)


def test_nothing_is_overwritten_unasked(photo):
    before = photo.read_bytes()
    with pytest.raises(OutputExistsError):
        write_image(PIL.Image.new("RGB", (8, 8)), photo)
    assert photo.read_bytes() == before
    write_image(PIL.Image.new("RGB", (8, 8)), photo, overwrite=True)
    assert read_image(photo).size == (8, 8)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full_disk(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(PIL.Image.Image, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_image(PIL.Image.new("RGB", (8, 8)), tmp_path / "out.png")
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match="end the name in"):
        write_image(PIL.Image.new("RGB", (8, 8)), tmp_path / "out.xyz")


def test_jpeg_keeps_its_chroma(tmp_path):
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2] = (200, 40, 40)
    stripes[:, 1::2] = (40, 40, 200)
    write_image(PIL.Image.fromarray(stripes), tmp_path / "stripes.jpg")
    assert np.abs(np.asarray(read_image(tmp_path / "stripes.jpg")).astype(int) - stripes).mean() < 8


@pytest.mark.parametrize(("suffix", "deep"), [(".png", True), (".tif", True), (".jpg", False), (".webp", False)])
def test_sixteen_bits_stay_or_are_scaled_never_clipped(tmp_path, suffix, deep):
    picture = PIL.Image.fromarray(np.full((20, 20), 30000, dtype=np.uint16))
    path = tmp_path / f"deep{suffix}"
    write_image(picture, path)
    with PIL.Image.open(path) as image:
        level = float(np.asarray(image).mean())
        assert (image.mode in ("I;16", "I")) is deep
        assert level == pytest.approx(30000 if deep else 30000 / 257, rel=0.01)
