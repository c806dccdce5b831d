"""What is read from a file is what another library reads from it, at the depth it has, or it is refused by name."""


def test_files_of_every_kind_are_read_as_other_libraries_read_them_or_refused_by_name(outcomes):
    wrong = [f"{case.kind}, {case.depth}, {case.layout}: {text}" for case, text in outcomes if "wrong" in text]
    assert not wrong
    assert len(outcomes) > 500


def test_what_is_refused_is_named_and_usual_kinds_are_not_refused(outcomes):
    refused = [(case, text) for case, text in outcomes if text.startswith("refused")]
    words = ("not read; save it as", "scale them to 16 bits", "save it as a plain TIFF")
    assert not [(case, text) for case, text in refused if not any(word in text for word in words)]
    usual = [
        text
        for case, text in outcomes
        if case.kind in ("grey, black is zero", "grey, white is zero", "RGB", "RGB, alpha")
        and case.depth in ("8 bits", "10 bits", "12 bits", "14 bits", "16 bits", "32-bit floats")
    ]
    assert not [text for text in usual if text.startswith("refused") and "most significant" not in text]


def test_what_is_left_out_is_told(outcomes):
    planes = [text for case, text in outcomes if "infrared" in case.kind and "refused" not in text]
    assert planes
    assert all("without a further plane" in text for text in planes)
    reduced = [text for case, text in outcomes if case.depth in ("10 bits", "16 bits") and text.startswith("8 bits")]
    assert reduced
    assert all("bits were read as 8" in text for text in reduced)
