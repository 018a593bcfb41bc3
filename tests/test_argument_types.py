from argparse import ArgumentTypeError

import pytest

from ytvos_keras.argument_types import (
    dimensions,
    fraction,
    frame_size,
    name_list,
    natural,
    percentage,
    port,
    positive,
    positive_number,
    whole_number,
)


@pytest.mark.parametrize(
    ("read", "text", "rule"),
    [
        (positive, "0", "a whole number of at least 1"),
        (natural, "-1", "a whole number of at least 0"),
        (natural, "1.0", "a whole number of at least 0"),
        (whole_number(2), "1", "a whole number of at least 2"),
        (port, "65536", "a whole number from 0 to 65535"),
        (positive_number, "0", "a number above 0"),
        (positive_number, "inf", "a number above 0"),
        (percentage, "0", "above 0 and at most 100"),
        (percentage, "101", "above 0 and at most 100"),
        (fraction, "1.1", "a number from 0 to 1"),
        (fraction, "nan", "a number from 0 to 1"),
        (fraction, "half", "a number from 0 to 1"),
    ],
)
def test_numbers_out_of_range(read, text, rule):
    with pytest.raises(ArgumentTypeError) as error:
        read(text)
    assert str(error.value) == f"must be {rule}. Received: {text!r}"


def test_limits_are_in_range():
    assert (positive("1"), natural("0"), whole_number(2)("2")) == (1, 0, 2)
    assert (port("0"), port("65535")) == (0, 65535)
    assert (percentage("100"), fraction("0"), fraction("1")) == (100, 0, 1)


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
