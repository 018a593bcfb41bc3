from argparse import ArgumentTypeError

import pytest

from ytvos_keras.argument_types import dimensions, frame_size, name_list


def test_frame_size():
    assert [frame_size(text) for text in ("256x448", "256X448", "256×448")] == [(256, 448)] * 3


@pytest.mark.parametrize("text", ["", "256", "256x", "256x0", "-1x4", "1x2x3", "1.5x2"])
def test_wrong_frame_size(text):
    with pytest.raises(ArgumentTypeError, match=r"must be HEIGHTxWIDTH .* Received: '"):
        frame_size(text)


def test_dimensions_take_as_many_as_the_example():
    assert dimensions("BATCHxHEIGHTxWIDTH", "2x3x4")("5x6x7") == (5, 6, 7)


def test_name_list_drops_empty_names_and_duplicates():
    assert name_list(" a, b,,a,") == ["a", "b"]
    assert name_list("") == []
