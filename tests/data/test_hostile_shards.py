"""Shards that are damaged, or were made to harm: one line that says so, at once, and nothing else happens."""

import json
import shutil
import sys
import time
from random import Random

import numpy as np
import PIL.Image
import pytest
import torch
from fuzzing import fuzz, mutate_bytes, mutate_tree

from colorzoo.data.crop import Crop
from colorzoo.data.shards.build import make_shards
from colorzoo.data.shards.index import check_name
from colorzoo.data.shards.item import decode_item, encode_item
from colorzoo.data.shards.reader import ShardDataset, ShardReader
from colorzoo.datamodules.streaming import StreamingDataModule
from colorzoo.errors import DataError

pytest.importorskip("litdata", reason="pip install 'colorzoo[streaming]'")

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for index in range(12):
        pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{index}.{'png' if index % 2 else 'jpg'}")
    target = tmp_path_factory.mktemp("sharded") / "shards"
    make_shards(folder, target, shard_bytes=2000)
    assert len(list((target / "train").glob("*.bin"))) > 1
    return target


@pytest.fixture
def shards(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "shards")


@pytest.fixture(scope="module")
def expected(sound):
    return images_of(sound)


def images_of(root):
    reader = ShardReader(str(root))
    found = {}
    for split in SPLITS:
        dataset = ShardDataset(reader, split, Crop(8))
        found |= {name: dataset[index]["rgb"] for index, name in enumerate(dataset.names)}
    return found


def assert_refused(root, message):
    begin = time.process_time()
    with pytest.raises(DataError, match=message) as caught:
        images_of(root)
    assert time.process_time() - begin < 2
    assert "\n" not in str(caught.value)
    assert str(root) in str(caught.value)


def change(path, mutate):
    """Change what a file of JSON says."""
    content = json.loads(path.read_text())
    mutate(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def hostile_module(tmp_path, monkeypatch):
    """A module whose import would be noticed."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "hostile_module.py").write_text("def evil():\n    raise SystemExit('run')\n")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield
    assert "hostile_module" not in sys.modules


LEAF = {"type": None, "context": None, "children_spec": []}
SPECS = {
    "a default of a dict": [
        1,
        {
            "type": "collections.defaultdict",
            "context": json.dumps(
                {"default_factory_module": "hostile_module", "default_factory_name": "evil", "dict_context": ["a", "b"]}
            ),
            "children_spec": [LEAF, LEAF],
        },
    ],
    "a tuple": [1, {"type": "builtins.tuple", "context": "null", "children_spec": [LEAF, LEAF]}],
    "another protocol": [2, {"type": "builtins.list", "context": "null", "children_spec": [LEAF, LEAF]}],
    "an unknown type": [1, {"type": "hostile_module.evil", "context": "null", "children_spec": [LEAF, LEAF]}],
}


@pytest.mark.parametrize("prefix", ["", "local:"])
@pytest.mark.parametrize("what", SPECS)
def test_an_index_does_not_say_what_is_imported(shards, hostile_module, what, prefix, tmp_path):
    change(shards / "train" / "index.json", lambda index: index["config"].update(data_spec=json.dumps(SPECS[what])))
    data = StreamingDataModule(f"{prefix}{shards}", size=8, num_workers=0, cache=str(tmp_path / "cache"))
    with pytest.raises(DataError, match="does not hold images as colorzoo stores them"):
        data.load_split("train")[0]
    with pytest.raises(DataError, match="does not hold images as colorzoo stores them"):
        data.train_dataloader()


@pytest.mark.parametrize(
    "config",
    [
        {"data_spec": None},
        {"data_format": ["pickle", "bytes"]},
        {"data_format": ["bytes", "pickle"]},
        {"data_format": ["bytes"]},
        {"compression": "zstd"},
        {"compression_level": "batch"},
        {"encryption": {"algorithm": "fernet", "level": "sample"}},
        {"item_loader": "TokensLoader"},
        {"format": "mds"},
        {"x": 1},
    ],
)
def test_an_index_describes_what_we_write_and_nothing_else(shards, config):
    change(shards / "val" / "index.json", lambda index: index["config"].update(config))
    assert_refused(shards, "does not hold images as colorzoo stores them")


NAMES = [
    "../x.bin",
    "/etc/passwd",
    "a/chunk-0-0.bin",
    "..\\x.bin",
    "C:x.bin",
    "",
    ".",
    "..",
    "chunk-0-0.bin\0",
    None,
    3,
]


@pytest.mark.parametrize("prefix", ["", "local:"])
@pytest.mark.parametrize("name", NAMES)
def test_a_shard_has_the_name_of_a_file(shards, name, prefix, tmp_path):
    (tmp_path / "x.bin").write_bytes((shards / "val" / "chunk-0-0.bin").read_bytes())
    change(shards / "val" / "index.json", lambda index: index["chunks"][0].update(filename=name))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="is no name of a shard"):
        StreamingDataModule(f"{prefix}{shards}", size=8, cache=str(tmp_path / "cache")).load_split("val")[0]
    assert sorted(tmp_path.rglob("*")) == before


OUTSIDE = [
    *(
        "../x.png",
        "a/../../x.png",
        "..",
        "a/..",
        "/abs/x.png",
        "//server/x.png",
        "\\x.png",
        "..\\x.png",
        "a\\..\\..\\x",
    ),
    *("C:x.png", "C:/x.png", "c:\\x.png", "\\\\server\\share\\x.png", "a\0.png", "", None, 3, "a" * 10_000),
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_in_the_index_leads_nowhere_else(shards, name):
    change(shards / "colorzoo.json", lambda index: index["names"]["val"].__setitem__(0, name))
    assert_refused(shards, "leads out of the folder|without a name")


@pytest.mark.parametrize(
    "name", ["a.png", "holiday/beach.jpg", "été/..a.png", "a..b/c.png", "...", "1:2.jpg", "a:b.jpg"]
)
def test_other_names_are_names(name):
    if name == "a:b.jpg":
        with pytest.raises(ValueError, match="leads out"):
            check_name(name)
    else:
        check_name(name)


@pytest.mark.parametrize("name", ["../x.png", "/abs/x.png", "C:x.png"])
def test_a_name_within_a_shard_leads_nowhere_else(name):
    with pytest.raises(DataError, match="leads out of the folder"):
        decode_item(encode_item(b"...", name))


def test_what_could_not_be_read_is_not_stored(tmp_path):
    for name in ("a.png", "b.png", "c.png", "x:y.png"):
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / name)
    result = make_shards(tmp_path, tmp_path / "shards")
    assert result.stored == 3
    assert len(result.failures) == 1
    assert "x:y.png cannot be stored" in result.failures[0]
    assert "rename it" in result.failures[0]


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize(
    ("damage", "message"),
    [(lambda path: path.unlink(), "is missing"), (cut, "has .* bytes, not"), (lengthen, "has .* bytes, not")],
)
def test_a_shard_of_another_size_is_refused_at_once(shards, damage, message):
    damage(shards / "val" / "chunk-0-0.bin")
    assert_refused(shards, f"chunk-0-0.bin {message}")
    with pytest.raises(DataError, match=message):
        StreamingDataModule(str(shards), size=8).load_split("val")[0]


def test_a_flipped_bit_anywhere_in_a_shard_is_found(shards):
    path, random = shards / "val" / "chunk-0-0.bin", Random(0)
    data = path.read_bytes()
    for _ in range(15):
        flipped = bytearray(data)
        flipped[random.randrange(len(data))] ^= 1 << random.randrange(8)
        path.write_bytes(flipped)
        assert_refused(shards, "copy")


@pytest.mark.parametrize("workers", [0, 2])
def test_training_ends_with_one_line_too(shards, workers):
    path = shards / "train" / "chunk-0-0.bin"
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 4, len(data), 50):
        data[place] ^= 1
    path.write_bytes(data)
    loader = StreamingDataModule(str(shards), size=8, batch_size=2, num_workers=workers).train_dataloader()
    with pytest.raises(DataError, match="a stored image is damaged") as caught:
        list(loader)
    assert "\n" not in str(caught.value)


def test_images_that_were_exchanged_are_found(shards):
    change(shards / "colorzoo.json", lambda index: index["names"]["train"].reverse())
    assert_refused(shards, "hold other images")


FIELDS = [
    *({"seed": value} for value in (None, "0", 0.5, True)),
    *({"shorter_side": value} for value in ("8", 0.5, [])),
    *({"val_fraction": value} for value in (None, "0.1")),
    *({"names": value} for value in (None, [], {}, {"train": []}, {"train": 3, "val": [], "test": []})),
    {"names": {"train": ["0.jpg"], "val": [], "test": {"1.jpg": 1}}},
    {"colorzoo_shards": 1},
    {"colorzoo_shards": None},
    {"x": 1},
]


@pytest.mark.parametrize("fields", FIELDS)
def test_an_index_of_other_types_is_refused(shards, fields):
    change(shards / "colorzoo.json", lambda index: index.update(fields))
    assert_refused(shards, "damaged|another version")


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[" * 10_000, b"\xff", b'{"colorzoo_shards": 2, "colorzoo_shards": 2}']
)
@pytest.mark.parametrize("name", ["colorzoo.json", "val/index.json"])
def test_what_is_no_index_is_refused(shards, name, text):
    (shards / name).write_bytes(text)
    assert_refused(shards, "damaged")


@pytest.mark.parametrize("name", ["colorzoo.json", "val/index.json"])
@pytest.mark.parametrize("how", ["bytes", "values"])
def test_indexes_survive_the_fuzzer(shards, expected, name, how):
    path = shards / name
    text = path.read_bytes()

    def read(mutated):
        path.write_bytes(mutated if how == "bytes" else json.dumps(mutated).encode())
        assert_same(images_of(shards), expected)

    given, mutate = (text, mutate_bytes) if how == "bytes" else (json.loads(text), mutate_tree)
    fuzz([given], read, DataError, mutate=mutate)


def test_shards_survive_the_fuzzer(shards, expected):
    path = shards / "val" / "chunk-0-0.bin"

    def read(mutated):
        path.write_bytes(mutated)
        assert_same(images_of(shards), expected)

    fuzz([path.read_bytes()], read, DataError)


def assert_same(actual, expected):
    assert set(actual) <= set(expected)
    assert all(torch.equal(image, expected[name]) for name, image in actual.items())
