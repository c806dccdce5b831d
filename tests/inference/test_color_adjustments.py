"""What a person may ask of the colours, of a tiny model that answers with one colour and knows where it is sure."""

from dataclasses import fields

import numpy as np
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.cli import main
from colorzoo.color.conversions import rgb_to_lab
from colorzoo.errors import NoConfidenceError
from colorzoo.inference import color_hints as hints_module
from colorzoo.inference.color_adjustments import ColorAdjustments, ColorOptions

RED = "#b03a2e"


class Sure(Colorizer):
    """Bluish everywhere; sure on the left, unsure on the right."""

    paper = "none"
    working_size = 64

    def __init__(self):
        super().__init__()
        self.ab = torch.nn.Parameter(torch.tensor([5.0, -25.0]))

    def losses(self, batch):
        raise NotImplementedError

    def predict_ab(self, lightness):
        return self.ab[:, None, None].expand(len(lightness), 2, *lightness.shape[-2:])

    def predict_ab_with_confidence(self, lightness):
        return self.predict_ab(lightness), torch.linspace(1, 0, lightness.shape[-1]).expand(lightness.shape)


@pytest.fixture
def model():
    return Sure().eval()


@pytest.fixture
def halves():
    """Dark on the left, light on the right."""
    picture = np.full((90, 120), 80, np.uint8)
    picture[:, 60:] = 190
    return picture


def ab(coloured):
    return rgb_to_lab(torch.from_numpy(np.array(coloured) / 255).float().movedim(2, 0)[None])[0, 1:]


def ab_of(colour):
    return ab(np.array([[list(bytes.fromhex(colour[1:]))]]))[:, 0, 0]


def test_saturation_is_a_factor_of_a_and_b(model, halves):
    plain = ab(model.colorize(halves))
    torch.testing.assert_close(ab(model.colorize(halves, saturation=0.5)), plain / 2, atol=1.0, rtol=0)
    torch.testing.assert_close(ab(model.colorize(halves, saturation=1.4)), plain * 1.4, atol=1.0, rtol=0)
    grey = model.colorize(halves, saturation=0)
    assert np.array_equal(grey, np.dstack([halves] * 3))


def test_a_hint_colours_what_looks_alike_and_stops_at_the_edge(model, halves):
    coloured = ab(model.colorize(halves, hints=[((20, 30), RED)]))
    plain = ab(model.colorize(halves))
    torch.testing.assert_close(coloured[:, 30, 20], ab_of(RED), atol=1.5, rtol=0)
    near = (coloured - ab_of(RED)[:, None, None]).norm(dim=0)[:, :50]
    assert float(near.mean()) < 0.4 * float((plain - ab_of(RED)[:, None, None]).norm(dim=0)[:, :50].mean())
    assert float((coloured - plain)[:, :, 70:].abs().max()) < 2


def test_each_of_several_hints_has_its_place(model, halves):
    green = "#2e8b57"
    coloured = ab(model.colorize(PIL.Image.fromarray(halves), hints=[((20, 30), RED), ((100, 60), green)]))
    torch.testing.assert_close(coloured[:, 30, 20], ab_of(RED), atol=1.5, rtol=0)
    torch.testing.assert_close(coloured[:, 60, 100], ab_of(green), atol=1.5, rtol=0)


def test_hints_are_taken_as_they_are_whatever_the_saturation_and_the_confidence(model, halves):
    pink = "#e0b0a8"
    coloured = ab(model.colorize(halves, hints=[((110, 30), pink)], saturation=0, min_confidence=1))
    torch.testing.assert_close(coloured[:, 30, 110], ab_of(pink), atol=1.5, rtol=0)
    assert float(coloured[:, :, :50].abs().max()) < 1.5


def test_hints_on_arrays_and_tensors_are_alike(model, halves):
    asked = {"hints": [((20, 30), RED)]}
    levels = model.colorize(halves, **asked)
    floats = model.colorize(torch.from_numpy(halves / 255).float()[None, None], **asked)
    assert np.abs(levels - (floats * 255).round()[0].movedim(0, 2).numpy()).max() <= 1


def test_the_way_of_a_hint_leads_round_an_obstacle():
    lightness = np.full((21, 21), 50.0, np.float32)
    lightness[10, :20] = 100
    distance = hints_module._distances(lightness, [(0, 0)])[0]
    straight = np.hypot(20, 20) * hints_module._CROSSING / 21
    assert distance[20, 0] > 1.5 * straight
    assert distance[20, 20] < 1.5 * straight
    assert distance[10, 5] > 20


def test_colours_fade_where_the_model_is_unsure(model, halves):
    plain, faded = (ab(model.colorize(halves, min_confidence=least)) for least in (0, 0.5))
    torch.testing.assert_close(faded[:, :, :55], plain[:, :, :55], atol=0.1, rtol=0)
    assert float(faded[:, :, -1].abs().max()) < 1
    quarter = faded[:, 0, 104].norm() / plain[:, 0, 104].norm()
    assert float(quarter) == pytest.approx(0.25, abs=0.05)


def test_the_confidence_is_a_map_of_the_kind_and_size_given(model, halves):
    grey = torch.from_numpy(halves / 255).float()[None, None]
    expected = torch.linspace(1, 0, 120).expand(1, 1, 90, 120)
    torch.testing.assert_close(
        model.confidence(torch.cat([grey, grey])), expected.expand(2, -1, -1, -1), atol=0.02, rtol=0
    )
    array = model.confidence(halves)
    assert array.dtype == np.float32
    torch.testing.assert_close(torch.from_numpy(array), expected[0, 0], atol=0.02, rtol=0)
    image = model.confidence(PIL.Image.fromarray(halves))
    assert (image.mode, image.size) == ("L", (120, 90))
    assert np.abs(np.asarray(image) / 255 - expected[0, 0].numpy()).max() < 0.025


def test_models_without_confidence_say_so(halves):
    model = colorzoo.create("mlp").eval()
    assert not model.has_confidence()
    assert colorzoo.load("photo_unet").has_confidence(), "the message names it"
    for ask in (model.confidence, lambda image: model.colorize(image, min_confidence=0.1)):
        with pytest.raises(NoConfidenceError, match=r"mlp has no confidence estimate; .* such as photo_unet"):
            ask(halves)


def test_all_options_travel_as_one_object(model, halves):
    options = {"saturation": 0.7, "hints": [((20, 30), RED)], "min_confidence": 0.3, "like": None, "variant": 1}
    assert set(ColorOptions.__annotations__) == set(options), "a new option: colour with it here too"
    names = [field.name for field in fields(ColorAdjustments)]
    assert names == ["working_size", *ColorOptions.__annotations__]
    coloured = model.colorize(halves, 32, **options)
    assert np.array_equal(model.colorize_adjusted(halves, ColorAdjustments(32, **options)), coloured)
    assert not np.array_equal(model.colorize(halves, 32), coloured)
    with pytest.raises(TypeError, match="hue"):
        model.colorize(halves, hue=3)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"saturation": -0.1}, r"saturation is -0.1; give a number from 0 \(grey\)"),
        ({"saturation": 4.1}, "to 4"),
        ({"saturation": float("nan")}, "saturation is nan"),
        ({"min_confidence": 1.1}, "min_confidence is 1.1"),
        ({"min_confidence": float("nan")}, "min_confidence is nan"),
        ({"variant": 0}, r"variant is 0; give a whole number from 1 \(the model's own colours\) to 7"),
        ({"variant": 2.5}, "variant is 2.5"),
        ({"hints": [((120, 0), RED)]}, "outside the image, which has 120 x 90 pixels"),
        ({"hints": [((0, -1), RED)]}, "outside the image"),
        ({"hints": [((float("nan"), 1), RED)]}, "at no place"),
        ({"hints": [((1, 1), "red")]}, "not of the form #rrggbb"),
        ({"hints": [((1, 1), "#12345")]}, "not of the form #rrggbb"),
        ({"hints": [(1, 1, RED)]}, "no point and colour"),
        ({"hints": RED}, "give hints as"),
    ],
)
def test_what_makes_no_sense_is_refused(model, halves, asked, message):
    with pytest.raises(ValueError, match=message):
        model.colorize(halves, **asked)


def test_hints_for_a_batch_are_refused(model):
    with pytest.raises(ValueError, match="the batch has 2"):
        model.colorize(torch.rand(2, 1, 8, 8), hints=[((1, 1), RED)])


class Greedy(Sure):
    """Runs out of memory above some size, as long as it is not told that it is on the CPU."""

    most = 16

    def to(self, device):
        if str(device) == "cpu":
            self.most = 1000 if self.most == 0 else self.most
        return self

    def predict_ab(self, lightness):
        if max(lightness.shape[-2:]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen = max(lightness.shape[-2:])
        return super().predict_ab(lightness)


@pytest.mark.parametrize("kind", ["levels", "floats"])
def test_without_memory_a_smaller_working_size_is_tried_and_then_the_cpu(halves, kind):
    model = Greedy().eval()
    picture = halves if kind == "levels" else torch.from_numpy(halves / 255).float()[None, None]
    with pytest.warns(RuntimeWarning) as told:
        model.colorize(picture)
    assert model.seen == 16
    assert [str(warning.message).partition("; ")[2] for warning in told] == [
        "going on at 32 pixels",
        "going on at 16 pixels",
    ]
    model.most = 0
    with pytest.warns(RuntimeWarning) as told:
        coloured = model.colorize(picture)
    assert str(told[-1].message).endswith("at a working size of 16 pixels; going on on the CPU")
    assert model.seen == 64
    assert coloured.shape[-2:] == (90, 120) or coloured.shape == (90, 120, 3)


@pytest.fixture
def scan(tmp_path, halves):
    path = tmp_path / "scan.png"
    PIL.Image.fromarray(halves).save(path)
    return path


def coloured_by_command(scan, *options):
    assert main(["colorize", str(scan), "--overwrite", *options]) == 0
    return PIL.Image.open(scan.with_name("scan-color.png"))


def test_the_command_line_controls_the_colours(scan, monkeypatch):
    monkeypatch.setattr("colorzoo.zoo.load", lambda name: Sure().eval())
    model = Sure().eval()
    options = ["--saturation", "0.5", "--hint", f"20,30={RED}", "--hint", "100,60=#2e8b57", "--min-confidence", "0.3"]
    expected = model.colorize(scan, saturation=0.5, hints=[((20, 30), RED), ((100, 60), "#2e8b57")], min_confidence=0.3)
    assert np.array_equal(coloured_by_command(scan, *options), expected)
    sureness = scan.with_name("sure.png")
    coloured_by_command(scan, "--confidence-map", str(sureness))
    assert np.array_equal(PIL.Image.open(sureness), model.confidence(scan))


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--saturation", "5"], 2, "saturation is 5"),
        (["--min-confidence", "nan"], 2, "min_confidence is nan"),
        (["--hint", "20,30"], 2, "give X,Y=#RRGGBB"),
        (["--hint", f"nan,30={RED}"], 2, "give X,Y=#RRGGBB"),
        (["--hint", "20,30=red"], 2, "not of the form #rrggbb"),
        (["--hint", f"20,300={RED}"], 1, "outside the image"),
        (["--min-confidence", "0.5", "-m", "fusion_cnn"], 1, "fusion_cnn has no confidence estimate"),
        (["--confidence-map", "map.xyz"], 2, "cannot tell an image format"),
        (["--confidence-map", "{scan}"], 2, "is the image itself"),
    ],
)
def test_commands_that_make_no_sense_say_why_and_write_nothing(scan, capsys, options, code, message):
    assert main(["colorize", str(scan), *(option.format(scan=scan) for option in options)]) == code
    assert message in capsys.readouterr().err
    assert [path.name for path in scan.parent.iterdir()] == ["scan.png"]


def test_a_confidence_map_is_of_one_picture(scan, capsys):
    assert main(["colorize", str(scan.parent), "--confidence-map", "map.png"]) == 2
    assert "one image" in capsys.readouterr().err
