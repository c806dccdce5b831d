"""How much the colours of a still clip flicker, and what smoothing costs where the image moves, as a Markdown table.

    python benchmarks/flicker.py ~/.cache/colorzoo/data/bsds400 -m photo_unet -o docs/results/flicker.md

Each photograph becomes a clip in which it stands still, and one in which it slides by two pixels a frame. Both get new
grain in each frame and are stored as H.264, as film that was scanned is. Flicker is what `flicker` measures; the
trail is how far the a*b* of each place of the sliding scene, averaged over its frames, are from those of the frames
alone.
"""

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray

import colorzoo
from colorzoo.base.colorizer import Colorizer
from colorzoo.color.conversions import grey_to_lightness, rgb_to_lab
from colorzoo.hub.model_card import markdown_table
from colorzoo.io.find import image_names
from colorzoo.io.pil_file import read_image
from colorzoo.io.raster import RasterImage
from colorzoo.video.clip_colorizer import VideoColorizer

_STILL = 2.0
"""Change of L* up to which a pixel counts as the same: about what an eye just sees."""
_STEP = 2
_SIZE = (320, 224)

Frames = NDArray[np.uint8]


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description="Measure how much the colours of a still clip flicker.")
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("-m", "--model", action="append", help="a published colouriser (default: fusion_cnn)")
    parser.add_argument("--count", type=int, default=8, help="how many of the photographs (default: 8)")
    parser.add_argument("--frames", type=int, default=24, help="frames of a clip (default: 24)")
    parser.add_argument("--grain", type=float, default=6, help="its standard deviation, of 255 (default: 6)")
    parser.add_argument("--smooth", type=float, nargs="+", default=[0, 0.5, 0.8, 0.9], help="shares to try")
    parser.add_argument("-o", "--output", type=Path, help="a Markdown file; without it the table is printed")
    args = parser.parse_args()
    paths = [args.folder / name for name in sorted(image_names(args.folder))][: args.count]
    still = [clip(path, args.frames, args.grain, 0) for path in paths]
    sliding = [clip(path, args.frames, args.grain, _STEP) for path in paths]
    rows = [
        ("model", "--temporal-smoothing", "flicker of a still clip", "trail of a sliding one", "cuts seen by mistake")
    ]
    for name in args.model or ["fusion_cnn"]:
        model = colorzoo.load(name)
        alone = [coloured(model, frames, 0)[0] for frames in sliding]
        for share in args.smooth:
            figures = [float(flicker(coloured(model, frames, share)[0], grey(frames))) for frames in still]
            moved = [coloured(model, frames, share) for frames in sliding]
            trails = [trail(rgb, each) for (rgb, _), each in zip(moved, alone, strict=True)]
            cuts = sum(count for _, count in moved)
            rows.append((name, f"{share:g}", f"{np.mean(figures):.3f}", f"{np.mean(trails):.3f}", str(cuts)))
    title = f"{len(paths)} photographs, {args.frames} frames each of {_SIZE[0]}x{_SIZE[1]}, grain of {args.grain:g}/255"
    text = f"{title}; means, in units of a* and b*\n\n{markdown_table(rows)}"
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


def clip(path: Path, count: int, grain: float, step: int) -> Frames:
    """Return a grey clip of a photograph as it comes back from H.264, ``(T, H, W)``."""
    width, height = _SIZE
    picture = read_image(path).convert("L").resize((width + step * count, height))
    noise, whole = np.random.default_rng(0), RasterImage.of(picture).levels
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.mkv"
        with av.open(str(file), "w") as out:
            stream = out.add_stream("libx264", rate=24, options={"crf": "20"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(count):
                frame = whole[:, step * index : step * index + width] + noise.normal(0, grain, (height, width))
                shown = av.VideoFrame.from_ndarray(np.rint(frame.clip(0, 255)).astype(np.uint8), format="gray")
                shown.pts, shown.time_base = index, Fraction(1, 24)
                out.mux(stream.encode(shown))
            out.mux(stream.encode())
        with av.open(str(file)) as container:
            return np.stack([frame.to_ndarray(format="rgb24")[..., 0] for frame in container.decode(video=0)])


def flicker(rgb: torch.Tensor, gray: torch.Tensor) -> torch.Tensor:
    """Mean absolute change of a* and b* from frame to frame, over the pixels whose input stays the same.

    Args:
        rgb: The coloured frames of one scene, in order, in [0, 1].
        gray: The frames that were coloured, in [0, 1].

    Shape:
        ``(T, 3, H, W)`` and ``(T, 1, H, W)`` -> ``()``.

    Returns:
        The change, in units of a* and b*: 0 for colours that stand still.

    Raises:
        ValueError: If there are less than two frames, the shapes differ, or no pixel stays the same.
    """
    if len(rgb) < 2:
        raise ValueError(f"there are {len(rgb)} frames; flicker is measured between at least 2")
    if rgb.shape[0] != gray.shape[0] or rgb.shape[2:] != gray.shape[2:]:
        raise ValueError(
            f"the frames have shapes {tuple(rgb.shape)} and {tuple(gray.shape)}; give as many, of one size"
        )
    change = rgb_to_lab(rgb)[:, 1:].diff(dim=0).abs().mean(dim=1, keepdim=True)
    still = grey_to_lightness(gray).diff(dim=0).abs() <= _STILL
    if not bool(still.any()):
        raise ValueError("no pixel stays the same from one frame to the next; measure flicker on a still scene")
    return change[still].mean()


def coloured(model: Colorizer, frames: Frames, share: float) -> tuple[torch.Tensor, int]:
    """Return the frames in colour ``(T, 3, H, W)``, and how many cuts were seen."""
    colour = VideoColorizer(model, smoothing=share)
    rgb = np.stack([colour(frame) for frame in frames])
    return torch.from_numpy(rgb).movedim(3, 1).float() / 255, colour.cuts


def grey(frames: Frames) -> torch.Tensor:
    """Return frames as ``(T, 1, H, W)`` in [0, 1]."""
    return torch.from_numpy(frames)[:, None].float() / 255


def trail(rgb: torch.Tensor, alone: torch.Tensor) -> float:
    """Return how far a*b* of each place of the scene, averaged over the clip, lie from those of the frames alone."""
    ab, truth = (followed(rgb_to_lab(frames)[:, 1:]) for frames in (rgb, alone))
    return float((ab.mean(dim=0) - truth.mean(dim=0)).abs().mean())


def followed(ab: torch.Tensor) -> torch.Tensor:
    """Return what all frames of a sliding clip show, each moved to where the last one shows it."""
    count, width = len(ab), ab.shape[3]
    common = width - _STEP * (count - 1)
    return torch.stack([frame[..., _STEP * (count - 1 - i) :][..., :common] for i, frame in enumerate(ab)])


if __name__ == "__main__":
    main()
