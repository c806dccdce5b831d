"""Whatever is given to a public function is answered right, or refused in a sentence; it is never changed.

``COLORZOO_FUZZ=N`` tries for about N minutes an entry.
"""

import inspect
import os
from contextlib import contextmanager, suppress

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

import colorzoo
from colorzoo.inference.toning import classify_tone, neutralize
from colorzoo.registry import model_class

settings.register_profile(
    "colorzoo",
    max_examples=round(4000 * float(os.environ.get("COLORZOO_FUZZ", 0))) or 25,
    deadline=20_000,
    derandomize="COLORZOO_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
PROFILE = settings.get_profile("colorzoo")

COLORIZER = colorzoo.load("mlp")
DENOISER = colorzoo.load("linear_denoiser")
ENTRIES = {
    "colorize": COLORIZER.colorize,
    "denoise": DENOISER.denoise,
    "denoise auto": lambda image: DENOISER.denoise(image, "auto"),
    "pipeline": colorzoo.Pipeline([DENOISER, COLORIZER]),
    "inpaint": lambda image: colorzoo.inpaint(image, corner_of(image), window=3),
    "estimate_noise": colorzoo.estimate_noise,
    "neutralize": neutralize,
    "classify_tone": classify_tone,
}
every_entry = pytest.mark.parametrize("entry", ENTRIES)

IMAGE_DTYPES = ["u1", "u2", "f4", "f8", "f2", ">u2", ">f4", "?"]
OTHER_DTYPES = ["i1", "i8", "c8", "O", "U2", "M8[s]"]
VIEWS = {
    "as it is": lambda array: array,
    "upside down": lambda array: array[::-1] if array.ndim else array,
    "every other": lambda array: array[:, ::2] if array.ndim > 1 else array,
    "transposed": lambda array: array.swapaxes(0, 1) if array.ndim > 1 else array,
    "Fortran order": np.asfortranarray,
    "repeated": lambda array: np.broadcast_to(array[:1], array.shape) if array.ndim else array,
}


def corner_of(image):
    """A mask with one pixel."""
    height, width = sizes(image)
    mask = np.zeros((height, width), bool)
    mask[:1, :1] = True
    return mask


def sizes(image):
    if isinstance(image, PIL.Image.Image):
        return image.height, image.width
    sizes = (*image.shape, 1, 1)
    return sizes[-4:-2] if isinstance(image, torch.Tensor) and image.ndim >= 2 else sizes[:2]


sides = st.integers(0, 9)
shapes = st.one_of(
    st.tuples(sides, sides),
    st.tuples(sides, sides, st.sampled_from([1, 3])),
    st.lists(st.integers(0, 5), max_size=5).map(tuple),
)


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(IMAGE_DTYPES) | st.sampled_from(OTHER_DTYPES)))
    in_range = {"elements": {"min_value": 0, "max_value": 1}} if dtype.kind == "f" and draw(st.booleans()) else {}
    if dtype.kind == "O":
        in_range = {"elements": st.one_of(st.none(), st.integers(0, 255), st.text(max_size=2))}
    return VIEWS[draw(st.sampled_from(list(VIEWS)))](draw(stn.arrays(dtype, draw(shapes), **in_range)))


@st.composite
def tensors(draw):
    """Batches, most of them with one or three channels first."""
    dtype = draw(st.sampled_from(["f4", "f8", "f2", "u1", "i4", "?", "c8"]))
    shape = draw(st.one_of(st.tuples(st.integers(0, 2), st.sampled_from([1, 3]), sides, sides), shapes))
    in_range = {"elements": {"min_value": 0, "max_value": 1}} if dtype[0] == "f" and draw(st.booleans()) else {}
    tensor = torch.from_numpy(draw(stn.arrays(dtype, shape, **in_range)))
    if draw(st.booleans()):
        tensor = tensor.transpose(-1, -2) if tensor.ndim > 1 else tensor
    return tensor.requires_grad_() if tensor.is_floating_point() and draw(st.booleans()) else tensor


@st.composite
def images(draw):
    mode = draw(
        st.sampled_from(["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "I;16"])
    )
    width, height = draw(st.tuples(sides, sides))
    image = PIL.Image.new(mode, (width, height))
    pixels = draw(st.binary(min_size=len(image.tobytes()), max_size=len(image.tobytes())))
    if pixels:
        image.frombytes(pixels)
    return image


@contextmanager
def refusal(*errors):
    """What is inside may be refused, in a sentence."""
    try:
        yield
    except (ValueError, TypeError, *errors) as error:
        if len(str(error).split()) < 4:
            raise


def snapshot(given):
    if isinstance(given, PIL.Image.Image):
        return given.mode, given.size, given.tobytes(), str(given.info)
    if isinstance(given, torch.Tensor):
        return given.dtype, given.shape, given.detach().numpy().tobytes(), given.requires_grad
    return given.dtype, given.shape, given.strides, str(given.tolist())


def answer(entry, image):
    """Return the answer, or None if the image is refused in a sentence; see that the image is as before."""
    before = snapshot(image)
    result = None
    with refusal():
        result = ENTRIES[entry](image)
    assert snapshot(image) == before
    return result


@every_entry
@given(array=arrays())
@PROFILE
def test_arrays(entry, array):
    result = answer(entry, array)
    again = answer(entry, np.ascontiguousarray(array) if array.ndim else array)
    assert (result is None) == (again is None)
    if isinstance(result, np.ndarray):
        # Networks add floats in another order where an array lies in another order.
        np.testing.assert_allclose(result, again, rtol=0, atol=1e-5 if result.dtype.kind == "f" else 0)
        assert result.shape[:2] == array.shape[:2]
        assert result.dtype.name == ("uint8" if array.dtype == bool and entry != "inpaint" else array.dtype.name)
        assert np.isfinite(result).all()
        assert result.dtype.kind == "u" or (result.min() >= 0 and result.max() <= 1)


@every_entry
@given(tensor=tensors())
@PROFILE
def test_tensors(entry, tensor):
    result = answer(entry, tensor)
    again = answer(entry, tensor.detach().contiguous())
    assert (result is None) == (again is None)
    if isinstance(result, torch.Tensor):
        torch.testing.assert_close(result, again, rtol=0, atol=1e-5)
        assert result.shape[:1] + result.shape[2:] == tensor.shape[:1] + tensor.shape[2:]
        assert result.isfinite().all()
        assert not result.numel() or (result.min() >= 0 and result.max() <= 1)


@every_entry
@given(image=images())
@PROFILE
def test_pil_images(entry, image):
    result = answer(entry, image)
    if isinstance(result, PIL.Image.Image):
        assert result.size == image.size


names = st.text(max_size=8) | st.sampled_from(
    [*colorzoo.list_models(), "photo_unet.true", "photo_unet.", "/", "a.ckpt"]
)
values = st.one_of(
    *(
        st.none(),
        st.booleans(),
        st.integers(-2, 99),
        st.sampled_from([-(2**40), 2**62, 10**30]),
        st.floats(),
        st.text(max_size=4),
    ),
    st.lists(st.integers(-2, 9), max_size=3),
)


@given(name=names)
@PROFILE
def test_names(name):
    for function in (colorzoo.info, colorzoo.load):
        with refusal(OSError):
            function(name)


SMALL = ["context_mlp", "dense_autoencoder", "linear_denoiser", "mlp", "pca_denoiser"]
HPARAMS = {name: [*inspect.signature(model_class(name).__init__).parameters][1:] for name in SMALL}
OPTIONS = {
    "colorize": ["working_size", "saturation", "hints", "min_confidence", "like", "variant"],
    "denoise": ["strength"],
}


@given(data=st.data())
@PROFILE
def test_hyper_parameters(data):
    name = data.draw(st.sampled_from(SMALL))
    hparam, value = data.draw(st.sampled_from(HPARAMS[name])), data.draw(values)
    # What is no number, or none of these sizes, gets Python's own error at the line that uses it.
    with suppress(TypeError, OverflowError), refusal():
        assert isinstance(colorzoo.create(name, **{hparam: value}), model_class(name))


@pytest.mark.parametrize("verb", OPTIONS)
@given(data=st.data())
@PROFILE
def test_options(verb, data):
    image = np.full((6, 5), 99, np.uint8)
    option, value = data.draw(st.sampled_from(OPTIONS[verb])), data.draw(values)
    with refusal(NotImplementedError):
        assert ENTRIES[verb](image, **{option: value}).shape[:2] == image.shape


@given(window=values, seed=values)
@PROFILE
def test_options_of_inpaint(window, seed):
    image = np.full((6, 5), 99, np.uint8)
    with refusal():
        assert (colorzoo.inpaint(image, corner_of(image), window=window, seed=seed) == image).all()
