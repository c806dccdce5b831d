"""Folders, strengths and the whole chain from the command line."""

import os
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import torch

import colorzoo
from colorzoo.cli import main
from colorzoo.cli.images import COLORIZER
from colorzoo.noise.synthesis import Noise, add_noise
from colorzoo.pipeline import RESTORERS, Pipeline


def slope(width=40, height=30):
    return torch.linspace(0.2, 0.8, width).expand(1, 1, height, width)


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.rint(255 * picture[0, 0].numpy()).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def scans(tmp_path):
    """A folder: a clean image, a noisy one below it, and what is no image."""
    folder = tmp_path / "scans"
    save(slope(), folder / "clean.png")
    save(add_noise(slope(), Noise(impulse=0.15), seeds=[0]), folder / "box 1" / "NOISY.PNG")
    (folder / "notes.txt").write_text("no image")
    (folder / "._clean.png").write_bytes(b"left by a Mac")
    return folder


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("verb", ["colorize", "denoise", "restore"])
def test_the_tree_of_a_folder_is_repeated_below_the_output(scans, tmp_path, capsys, verb):
    before = below(scans)
    assert main([verb, str(scans), "-o", str(tmp_path / "out.d")]) == 0
    assert below(tmp_path / "out.d") == ["box 1/NOISY.PNG", "clean.png"]
    assert below(scans) == before
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "out.d" / "clean.png"),
        str(tmp_path / "out.d" / "box 1" / "NOISY.PNG"),
    ]


def test_the_results_of_a_folder_lie_beside_it_by_default(scans, tmp_path, monkeypatch):
    assert main(["denoise", str(scans)]) == 0
    assert below(tmp_path / "scans-clean") == ["box 1/NOISY.PNG", "clean.png"]
    monkeypatch.chdir(scans)
    assert main(["denoise", "."]) == 1, "they exist"
    assert main(["denoise", ".", "--overwrite"]) == 0


def test_an_output_within_the_folder_is_no_input(scans):
    out = scans / "results"
    assert main(["denoise", str(scans), "-o", str(out)]) == 0
    assert main(["denoise", str(scans), "-o", str(out), "--overwrite"]) == 0
    assert below(out) == ["box 1/NOISY.PNG", "clean.png"]


def test_what_is_broken_in_a_folder_is_reported_and_the_rest_is_done(scans, tmp_path, capsys):
    (scans / "box 1" / "broken.jpg").write_bytes(b"")
    (scans / "torn.tif").write_text("torn")
    assert main(["restore", str(scans), "-o", str(tmp_path / "out")]) == 1
    assert below(tmp_path / "out") == ["box 1/NOISY.PNG", "clean.png"]
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("colorzoo: ")]
    assert len(errors) == 2
    assert "torn.tif is not an image" in errors[0]
    assert "broken.jpg is empty" in errors[1]


def test_folders_and_files_go_together(scans, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    single = save(slope(), tmp_path / "single.png")
    assert main(["denoise", str(tmp_path / "empty"), str(scans), str(single), "-o", str(tmp_path / "out")]) == 1
    assert below(tmp_path / "out") == ["box 1/NOISY.PNG", "clean.png", "single.png"]
    assert "empty holds no image" in capsys.readouterr().err


def test_folders_that_cannot_be_read_are_reported(scans, tmp_path, capsys, monkeypatch):
    def scan(folder, scandir=os.scandir):
        if folder == scans / "box 1":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr("colorzoo.io.find.os.scandir", scan)
    assert main(["denoise", str(scans), "-o", str(tmp_path / "out")]) == 1
    assert below(tmp_path / "out") == ["clean.png"]
    assert "box 1 cannot be read (Permission denied)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["denoise", "{scans}", "{scans}", "-o", "{scans}-out"], "two inputs would both be written"),
        (["denoise", "{scans}", "-o", "{scans}"], "is one of the inputs"),
        (["denoise", "{scans}", "-o", "{scans}/notes.txt"], "is a folder; give a folder"),
        (["denoise", "/"], "there is nothing beside /"),
        (["denoise", "{scans}", "--strength", "much"], "--strength is much"),
        (["restore", "{scans}", "--strength", "-1"], "--strength is -1"),
        (["restore", "{scans}", "--denoiser", "fusion_cnn"], "fusion_cnn does not de-noise"),
        (["restore", "{scans}", "--colorizer", "linear_denoiser"], "linear_denoiser does not colourise"),
        (["restore", "{scans}", "--denoiser", "linear_denoise"], "did you mean 'linear_denoiser'"),
    ],
)
def test_commands_that_make_no_sense_write_nothing(scans, tmp_path, capsys, arguments, message):
    before = below(tmp_path)
    assert main([argument.format(scans=scans) for argument in arguments]) == 2
    assert message in capsys.readouterr().err
    assert below(tmp_path) == before


def test_denoise_leaves_clean_pictures_alone_and_says_so(scans, tmp_path, capsys):
    assert main(["denoise", str(scans), "-o", str(tmp_path / "out")]) == 0
    assert pixels(tmp_path / "out" / "clean.png") == pixels(scans / "clean.png")
    noisy = scans / "box 1" / "NOISY.PNG"
    whole = colorzoo.load(RESTORERS["impulse"]).denoise(noisy)
    assert pixels(tmp_path / "out" / "box 1" / "NOISY.PNG") == whole.tobytes()
    about = capsys.readouterr().err.splitlines()
    nothing = "0.0 % salt and pepper, sigma 0.0"
    tags = ("cnn_denoiser.impulse", "cnn_denoiser.gaussian")
    alone = "; ".join(f"{nothing}; {tag} left it alone" for tag in tags)
    assert about[0] == f"{scans / 'clean.png'}: {alone}"
    assert about[1].startswith(f"{noisy}: 1")
    assert "cnn_denoiser.impulse at strength 1; " in about[1]
    assert about[1].endswith("cnn_denoiser.gaussian left it alone")


def test_noise_of_each_channel_is_taken_out_by_the_model_for_colour(tmp_path, capsys):
    across, down = torch.linspace(0.2, 0.8, 64).expand(48, 64), torch.linspace(0.2, 0.8, 48)[:, None].expand(48, 64)
    noisy = add_noise(torch.stack([across, across.flip(1), down])[None], Noise(sigma=20), seeds=[0])[0]
    PIL.Image.fromarray((255 * noisy).round().byte().movedim(0, 2).numpy()).save(tmp_path / "photo.png")
    assert main(["denoise", str(tmp_path / "photo.png"), "-o", str(tmp_path / "out.png")]) == 0
    assert capsys.readouterr().err.rstrip().endswith("; cnn_denoiser.color at strength 1")
    clean = colorzoo.load("cnn_denoiser.color").denoise(tmp_path / "photo.png")
    assert pixels(tmp_path / "out.png") == clean.tobytes()


def pixels(path):
    with PIL.Image.open(path) as image:
        return image.tobytes()


def test_restore_does_the_whole_chain(scans, tmp_path, capsys):
    noisy = scans / "box 1" / "NOISY.PNG"
    assert main(["restore", str(noisy)]) == 0
    out = noisy.with_name("NOISY-restored.PNG")
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [str(out)]
    assert "% salt and pepper, sigma 0.0; cnn_denoiser.impulse at strength 1; " in captured.err
    assert "cnn_denoiser.gaussian left it alone; photo_unet.lively coloured it" in captured.err
    assert pixels(out) == Pipeline([*RESTORERS.values(), COLORIZER], strength="auto")(noisy).tobytes()


def test_models_and_strength_of_restore_may_be_chosen(scans, tmp_path, capsys):
    noisy = scans / "box 1" / "NOISY.PNG"
    chosen = ["--denoiser", "linear_denoiser", "--denoiser", "linear_denoiser.impulse", "--colorizer", "mlp"]
    assert main(["restore", str(noisy), "-o", str(tmp_path / "out.png"), *chosen, "--strength", "0.5"]) == 0
    assert capsys.readouterr().err.endswith(
        "linear_denoiser.impulse at strength 0.5; linear_denoiser.impulse at strength 0.5; mlp.cifar10 coloured it\n"
    )
    expected = Pipeline(["linear_denoiser", "linear_denoiser", "mlp"], strength=0.5)(noisy)
    assert pixels(tmp_path / "out.png") == expected.tobytes()


def test_restore_may_leave_the_colours_as_they_are(tmp_path):
    photo = tmp_path / "photo.png"
    PIL.Image.merge(
        "RGB", [PIL.Image.linear_gradient("L").crop((0, first, 30, first + 20)) for first in (20, 90, 200)]
    ).save(photo)
    assert main(["restore", str(photo), "--no-color", "-o", str(tmp_path / "out.png")]) == 0
    assert pixels(tmp_path / "out.png") == pixels(photo)


def test_pictures_without_a_sensible_value_are_reported(tmp_path, capsys):
    PIL.Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(tmp_path / "nan.tif")
    save(torch.ones(1, 1, 1, 1), tmp_path / "dot.png")
    assert main(["restore", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert below(tmp_path / "out") == ["dot.png"]
    assert "nan.tif: the image holds NaN" in capsys.readouterr().err


def test_the_command_line_starts_at_once():
    code = "import sys; from colorzoo.cli.parser import _parser; _parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "PIL", "lightning"} & set(loaded)
