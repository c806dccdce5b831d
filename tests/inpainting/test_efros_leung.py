import time

import numpy as np
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.cli import main
from colorzoo.inpainting import efros_leung
from colorzoo.inpainting.efros_leung import Inpainting, inpaint
from colorzoo.inpainting.patch_search import PatchIndex
from colorzoo.io.raster import RasterImage


def grow_image(picture, hole, window, seed, limit=0.3):
    """The pseudo-code of Efros and Leung, word by word: slow, and with nothing in common with the package.

    Returns the image filled, and how often the limit was raised.
    """
    height, width, channels = picture.shape
    image, filled, radius, raised = picture.copy(), ~hole, window // 2, 0
    generator = np.random.default_rng(seed)
    offsets = [(i, j) for i in range(-radius, radius + 1) for j in range(-radius, radius + 1)]
    gauss = {(i, j): np.exp(-(i * i + j * j) / (2 * (window / 6.4) ** 2)) for i, j in offsets}
    centres = [
        (y, x)
        for y in range(radius, height - radius)
        for x in range(radius, width - radius)
        if not any(hole[y + i, x + j] for i, j in offsets)
    ]

    def is_filled(y, x):
        return 0 <= y < height and 0 <= x < width and filled[y, x]

    def unfilled_neighbours():
        counts = {}
        for y, x in np.argwhere(~filled).tolist():
            around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
            count = sum(is_filled(y + i, x + j) for i, j in around)
            if count > 0:
                counts[y, x] = count
        shuffled = [tuple(pixel) for pixel in generator.permutation(list(counts))]
        return sorted(shuffled, key=lambda pixel: -counts[pixel])

    def find_matches(y, x):
        valid = [(i, j) for i, j in offsets if is_filled(y + i, x + j)]
        total = sum(gauss[offset] for offset in valid)
        errors = []
        for v, u in centres:
            ssd = sum(
                gauss[i, j] * (image[y + i, x + j, c] - picture[v + i, u + j, c]) ** 2
                for i, j in valid
                for c in range(channels)
            )
            errors.append(ssd / total / channels)
        return [(centre, error) for centre, error in zip(centres, errors, strict=True) if error <= min(errors) * 1.1]

    while not filled.all():
        progress = False
        for y, x in unfilled_neighbours():
            matches = find_matches(y, x)
            (v, u), error = matches[generator.integers(len(matches))]
            if error < limit:
                image[y, x] = picture[v, u]
                filled[y, x] = progress = True
        if not progress:
            limit *= 1.1
            raised += 1
    return image, raised


def rectangle(shape, top, left, height, width):
    hole = np.zeros(shape, bool)
    hole[top : top + height, left : left + width] = True
    return hole


def noise(*shape, levels=256, seed=0):
    return (np.random.default_rng(seed).integers(levels, size=shape) * (255 // (levels - 1))).astype(np.uint8)


def as_in_the_paper(picture, hole, window, seed, limit=0.3):
    scaled = (picture.reshape(*hole.shape, -1).astype(np.float32) / np.float32(255)).astype(np.float64)
    filled, raised = grow_image(scaled, hole, window, seed, limit)
    return np.rint(filled * 255).astype(np.uint8).reshape(picture.shape), raised


HOLE = rectangle((14, 13), 5, 4, 4, 4)
CORNER = rectangle((12, 12), 0, 8, 4, 4)
TWO = rectangle((11, 19), 2, 3, 3, 3) | rectangle((11, 19), 6, 13, 5, 2)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("picture", "hole", "window"),
    [
        (noise(14, 13), HOLE, 3),
        (noise(14, 13, 3), HOLE, 5),
        (noise(14, 13, levels=2), HOLE, 3),  # many windows are equal, and many fit exactly
        (noise(12, 12, 1), CORNER, 5),
        (noise(11, 19, levels=4), TWO, 5),
        (np.tile(noise(4, 3), (3, 4)), CORNER, 7),
        (np.full((12, 12), 200, np.uint8), CORNER, 5),
    ],
    ids=["grey", "colour", "black and white", "corner", "two holes", "periodic", "constant"],
)
def test_it_is_exactly_the_algorithm_of_the_paper(picture, hole, window, seed):
    expected, _ = as_in_the_paper(picture, hole, window, seed)
    assert np.array_equal(inpaint(picture, hole, window, seed), expected)


def test_the_limit_is_raised_when_nothing_fits(monkeypatch):
    monkeypatch.setattr(efros_leung, "_FIRST_LIMIT", 0.01)
    expected, raised = as_in_the_paper(noise(12, 12), CORNER, 5, 0, limit=0.01)
    assert raised > 3
    assert np.array_equal(inpaint(noise(12, 12), CORNER, 5), expected)


def test_seeds_decide():
    picture = noise(24, 24, levels=2)
    hole = rectangle((24, 24), 8, 8, 8, 8)
    first, again, other = (inpaint(picture, hole, 3, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_texture_goes_on():
    picture = np.tile(noise(5, 6, 3), (8, 8, 1))
    hole = rectangle((40, 48), 12, 13, 15, 17)
    assert np.array_equal(inpaint(np.where(hole[..., None], np.uint8(0), picture), hole, 7), picture)


def test_a_constant_picture_comes_back():
    picture = np.full((30, 30, 3), 0.3)
    assert np.array_equal(inpaint(picture, rectangle((30, 30), 0, 10, 9, 20)), picture)


def test_grey_stored_as_rgb_is_filled_like_grey():
    grey = noise(14, 13)
    assert np.array_equal(inpaint(np.dstack([grey] * 3), HOLE, 5), np.dstack([inpaint(grey, HOLE, 5)] * 3))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_pictures_keep_their_mode_and_what_is_known(mode):
    if mode in ("I;16", "I"):
        image = PIL.Image.fromarray(noise(14, 13).astype(np.uint16) * 257).convert(mode)
    elif mode == "F":
        image = PIL.Image.fromarray(noise(14, 13).astype(np.float32) / 255)
    else:
        image = PIL.Image.fromarray(noise(14, 13, 4), "RGBA" if mode in ("LA", "RGBA") else "CMYK").convert(mode)
    before = np.asarray(image).copy()
    filled = inpaint(image, HOLE, 5)
    assert filled.mode == mode
    assert np.array_equal(np.asarray(image), before)
    after = np.asarray(filled)
    assert np.array_equal(after[~HOLE], before[~HOLE])
    known = {pixel.tobytes() for pixel in before[~HOLE]}
    assert {pixel.tobytes() for pixel in after[HOLE]} <= known
    if mode != "1":
        assert not np.array_equal(after, before)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(14, 13), (14, 13, 1), (14, 13, 3)])
def test_arrays_keep_type_shape_and_what_is_known(dtype, shape):
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    picture = (np.random.default_rng(0).random(shape) * top).round(3).astype(dtype)
    before = picture.copy()
    filled = inpaint(picture, HOLE, 5)
    assert (filled.dtype, filled.shape) == (picture.dtype, shape)
    assert np.array_equal(filled[~HOLE], picture[~HOLE])
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_each_picture_of_a_batch_is_filled_as_alone(dtype):
    batch = torch.rand(3, 3, 14, 13).to(dtype).contiguous(memory_format=torch.channels_last)
    filled = inpaint(batch, HOLE, 5)
    assert (filled.dtype, filled.shape) == (dtype, batch.shape)
    assert torch.equal(filled[..., ~torch.from_numpy(HOLE)], batch[..., ~torch.from_numpy(HOLE)])
    assert torch.equal(filled, torch.cat([inpaint(batch[i : i + 1], HOLE, 5) for i in range(3)]))


def test_all_kinds_of_picture_are_filled_alike(tmp_path):
    picture = noise(14, 13, 3)
    image = PIL.Image.fromarray(picture)
    image.save(tmp_path / "picture.png")
    expected = inpaint(picture, HOLE, 5)
    assert np.array_equal(np.asarray(inpaint(image, HOLE, 5)), expected)
    assert np.array_equal(np.asarray(inpaint(tmp_path / "picture.png", HOLE, 5)), expected)
    assert np.array_equal(np.asarray(inpaint(str(tmp_path / "picture.png"), HOLE, 5)), expected)
    assert np.array_equal(inpaint(picture[::-1, ::-1][::-1, ::-1], HOLE, 5), expected)
    tensor = inpaint(torch.from_numpy(picture / np.float32(255)).movedim(2, 0)[None], HOLE, 5)
    assert np.array_equal(np.rint(tensor[0].movedim(0, 2).numpy() * 255), expected)


def test_white_true_and_one_are_hole(tmp_path):
    white = PIL.Image.fromarray(HOLE)
    white.convert("RGB").save(tmp_path / "mask.jpg", quality=60)
    ones = HOLE.astype(np.uint8)
    tensor = torch.from_numpy(HOLE)
    masks = [
        ones,
        ones * 255,
        HOLE.astype(np.int64),
        HOLE * 0.9,
        tensor,
        tensor.float()[None, None],
        tensor.byte()[None],
    ]
    masks += [white, white.convert("L"), PIL.Image.fromarray(ones), white.convert("RGBA"), tmp_path / "mask.jpg"]
    picture = noise(14, 13)
    expected = inpaint(picture, HOLE, 5)
    assert all(np.array_equal(inpaint(picture, mask, 5), expected) for mask in masks)


PICTURE = noise(14, 13)
NAN = np.where(HOLE, np.nan, 0.5)


@pytest.mark.parametrize(
    ("picture", "mask", "window", "message"),
    [
        (PICTURE, HOLE.T, 5, "mask has 13 rows of 14 pixels, the image 14 of 13"),
        (PICTURE, np.ones((14, 13), bool), 5, "all hole"),
        (PICTURE, HOLE, 4, "odd number"),
        (PICTURE, HOLE, 1, "at least 3"),
        (PICTURE, HOLE, 15, r"15x15 pixels lies in the image and is wholly known; use a smaller window, at most 5"),
        (PICTURE, HOLE, 7, "use a smaller window, at most 5"),
        (PICTURE, np.arange(14 * 13).reshape(14, 13) % 3 == 0, 3, "too little of it is known"),
        (PICTURE[:2, :2], rectangle((2, 2), 0, 0, 1, 1), 3, "too little of it is known"),
        (PICTURE[:2], rectangle((2, 13), 0, 0, 1, 1), 3, "too little of it is known"),
        (NAN, HOLE, 5, "NaN"),
        (torch.from_numpy(NAN)[None, None], HOLE, 5, "NaN"),
        (PICTURE, NAN, 5, "the mask is of no use: .*NaN"),
        (PICTURE, np.full((14, 13), 7, np.int64), 5, "the mask is of no use: .*int64"),
        (np.full((14, 13), 255.0), HOLE, 5, r"scale them to \[0, 1\]"),
        (torch.rand(1, 2, 14, 13), HOLE, 5, "2 channels; give 1 or 3"),
        (torch.rand(14, 13), HOLE, 5, r"give a batch \(B, 1 or 3, H, W\)"),
        (noise(14, 13, 4), HOLE, 5, r"give \(H, W\)"),
    ],
)
def test_bad_input_is_named(picture, mask, window, message):
    with pytest.raises(ValueError, match=message):
        inpaint(picture, mask, window)


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match="give a path, a PIL image, an array or a tensor"):
        inpaint([1, 2], HOLE)
    with pytest.raises(TypeError, match="give a path, a PIL image, an array or a tensor"):
        inpaint(PICTURE, None)
    with pytest.raises(OSError, match="does not exist"):
        inpaint(PICTURE, "missing.png")


def test_what_is_far_from_the_hole_is_not_searched(monkeypatch):
    monkeypatch.setattr(efros_leung, "_REACH", 6)
    picture = noise(60, 50)
    hole = rectangle((60, 50), 20, 1, 4, 4)
    expected = picture.copy()
    expected[14:30, :11] = inpaint(picture[14:30, :11], hole[14:30, :11], 5)
    assert np.array_equal(inpaint(picture, hole, 5), expected)


def test_progress_is_told():
    told = []
    inpaint(torch.rand(2, 1, 14, 13), HOLE, 5, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 32) for done in range(1, 33)]


class Interruption:
    """Presses Ctrl-C in the search for the pixel of this number, once."""

    def __init__(self, number):
        self.number, self.searches, self.search = number, 0, PatchIndex.nearest

    def __call__(self, windows, template, weight):
        self.searches += 1
        if self.searches == self.number:
            raise KeyboardInterrupt
        return self.search(windows, template, weight)


def test_an_interruption_loses_nothing(monkeypatch):
    picture = noise(14, 13)
    filling = Inpainting(picture, HOLE, 5)
    interruption = Interruption(8)
    monkeypatch.setattr(PatchIndex, "nearest", lambda *args: interruption(*args))
    with pytest.raises(KeyboardInterrupt):
        list(filling)
    assert (filling.filled, filling.total) == (7, 16)
    partial, complete = filling.picture(), inpaint(picture, HOLE, 5)
    same = partial == complete
    assert 7 <= same[HOLE].sum() < 16
    assert np.array_equal(partial[~same], picture[~same])
    assert list(filling) == list(range(8, 17))
    assert np.array_equal(filling.picture(), complete)


@pytest.mark.parametrize("shape", [(128, 128), (128, 128, 3)])
def test_a_thousand_pixels_take_seconds(shape):
    started = time.process_time()
    inpaint(noise(*shape), rectangle((128, 128), 50, 50, 25, 40))
    assert time.process_time() - started < 10


def test_a_large_flat_part_takes_no_longer():
    started = time.process_time()
    inpaint(np.full((128, 128), 255, np.uint8), rectangle((128, 128), 50, 50, 10, 20))
    assert time.process_time() - started < 2


@pytest.fixture
def files(tmp_path):
    PIL.Image.fromarray(noise(14, 13, 3)).save(tmp_path / "in.png")
    PIL.Image.fromarray(HOLE).save(tmp_path / "mask.png")
    return tmp_path


def command(files, *arguments, out="out.png"):
    return ["inpaint", str(files / "in.png"), "--mask", str(files / "mask.png"), "-o", str(files / out), *arguments]


def test_the_command_writes_what_python_gives(files, capsys):
    assert main(command(files, "--window", "5", "--seed", "3", out="deep/out.png")) == 0
    shown = capsys.readouterr()
    assert (shown.out.strip(), shown.err) == (str(files / "deep" / "out.png"), "")
    with PIL.Image.open(files / "deep" / "out.png") as image:
        expected = colorzoo.inpaint(files / "in.png", files / "mask.png", window=5, seed=3)
        assert np.array_equal(np.asarray(image), np.asarray(expected))


def test_the_command_shows_its_progress_on_a_terminal(files, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(command(files, "--window", "5")) == 0
    assert capsys.readouterr().err.endswith("\r16 of 16 pixels\n")


def test_the_command_keeps_what_is_filled_when_interrupted(files, capsys, monkeypatch):
    interruption = Interruption(8)
    monkeypatch.setattr(PatchIndex, "nearest", lambda *args: interruption(*args))
    assert main(command(files, "--window", "5")) == 1
    assert f"interrupted; 7 of 16 pixels are filled in {files / 'out.png'}" in capsys.readouterr().err
    with PIL.Image.open(files / "out.png") as after, PIL.Image.open(files / "in.png") as before:
        changed = (np.asarray(after) != np.asarray(before)).any(2)
    assert 1 <= changed.sum() <= 7
    assert not changed[~HOLE].any()


def test_an_existing_output_stays_unless_overwriting_is_asked_for(files, capsys):
    (files / "out.png").write_text("precious")
    assert main(command(files, "--window", "5")) == 1
    assert (files / "out.png").read_text() == "precious"
    assert "--overwrite" in capsys.readouterr().err
    assert main(command(files, "--window", "5", "--overwrite")) == 0
    assert PIL.Image.open(files / "out.png").size == (13, 14)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--window", "4"], 2, "odd number"),
        (["--seed", "-1"], 2, "from 0 on"),
        (["-o", "{files}/mask.png"], 2, "is one of the inputs"),
        (["--window", "7"], 1, "at most 5"),
        (["--mask", "{files}/missing.png"], 1, "does not exist"),
        (["-o", "{files}/out.xyz"], 1, "end the name in"),
    ],
)
def test_a_command_that_cannot_be_done_ends_with_one_line(files, capsys, arguments, code, message):
    assert main(command(files, "--window", "5", *[argument.format(files=files) for argument in arguments])) == code
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (files / "out.png").exists()


def test_scans_are_filled_with_all_their_bits():
    stripes = np.tile(np.array([1, 300, 65535, 7], np.uint16), (16, 4))
    hole = np.zeros((16, 16), bool)
    hole[5:9, 6:11] = True
    scan = RasterImage(np.where(hole, 77, stripes), np.where(hole, 9, stripes))
    filled = colorzoo.inpaint(scan, hole, window=5)
    assert np.array_equal(filled.levels, stripes)
    assert np.array_equal(filled.alpha, stripes)
