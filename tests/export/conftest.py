import pytest

from colorzoo.export import program

KEPT = {}


@pytest.fixture(autouse=True)
def published_models_are_converted_once(monkeypatch):
    """Capturing a model and writing it as ONNX takes seconds, and depends on nothing but its checkpoint."""

    def once(convert):
        def kept(model, *rest):
            if model.source is None:
                return convert(model, *rest)
            key = convert.__name__, model.source.sha256
            if key not in KEPT:
                KEPT[key] = convert(model, *rest)
            return KEPT[key]

        return kept

    for convert in (program._captured, program._as_onnx):
        monkeypatch.setattr(program, convert.__name__, once(convert))
