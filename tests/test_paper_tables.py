import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.comparison.paper_tables import cited_table


def rows(protocol):
    """(method, cells as printed) of each row."""
    table = cited_table(protocol)
    return [
        (method, ["/".join(part.text for part in cell) for cell in cells])
        for method, cells in table.rows
    ]


def test_table_2():
    table = cited_table("youtube-vos")
    assert table.heading == "cited (paper, Table 2; its own split of 3,252 videos)"
    assert table.columns == (
        "J mean ↑", "J recall ↑", "J decay ↓", "F mean ↑", "F recall ↑", "F decay ↓",
    )  # fmt: skip
    methods = [method for method, _ in rows("youtube-vos")]
    assert methods == [
        "SegFlow [8]", "OSVOS [6]", "MaskTrack [32]", "OSMN [50]", "OnAVOS [44]",
        "Ours (w/o OL)", "Ours (with OL)",
    ]  # fmt: skip
    cells = dict(rows("youtube-vos"))
    assert cells["SegFlow [8]"] == [
        "40.4/38.5", "45.4/41.7", "7.2/8.4", "35.0/32.7", "35.3/32.1", "6.9/9.1",
    ]  # fmt: skip
    assert cells["OSVOS [6]"][:3] == ["59.1/58.8", "66.2/64.5", "17.9/19.5"]
    assert cells["Ours (with OL)"] == [
        "66.9/66.8", "78.7/76.5", "10.2/9.5", "74.1/72.3", "82.8/80.5", "12.6/13.4",
    ]  # fmt: skip


def test_table_3():
    table = cited_table("davis2016")
    assert table.heading == "cited (paper, Table 3; DAVIS 2016)"
    assert table.columns == ("OL", "PP", "OF", "RNN", "mean IoU ↑", "s/frame ↓")
    assert len(table.rows) == 11
    cells = dict(rows("davis2016"))
    assert cells["BVS [43]"] == ["–", "✗", "✗", "–", "60.0", "0.37"]
    assert cells["OFL [27]"] == ["–", "✓", "✓", "–", "68.0", "42.2"]
    assert cells["MaskTrack [32]"] == ["✓", "✓", "✗", "✗", "79.7", "12"]
    assert cells["OnAVOS [44]"][:4] == ["✓", "✓", "✗", "✗"]
    assert rows("davis2016")[-2:] == [
        ("Ours", ["✗", "✗", "✗", "✓", "76.5", "0.16"]),
        ("Ours", ["✓", "✗", "✗", "✓", "79.1", "9"]),
    ]


@pytest.mark.parametrize("protocol", ["youtube-vos", "davis2016"])
def test_every_row_is_complete_and_wins_nothing(protocol):
    table = cited_table(protocol)
    for _, cells in table.rows:
        assert len(cells) == len(table.columns)
        assert {len(cell) for cell in cells} == {2 if protocol == "youtube-vos" else 1}
        assert not any(part.best for cell in cells for part in cell)
    assert table.notes == ("Ours: the paper's own model",)


def test_nothing_to_cite_on_davis_2017():
    with pytest.raises(InputError, match=r"the paper has rows only for youtube-vos .* davis2017"):
        cited_table("davis2017")
