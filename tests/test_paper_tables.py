import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.comparison.cited_table import cited_table
from ytvos_keras.evaluation.comparison.paper_tables import TABLE_2, TABLE_3


def row(table, method):
    return next(row for row in table if row.method == method)


def test_table_2():
    assert [r.method for r in TABLE_2] == [
        "SegFlow", "OSVOS", "MaskTrack", "OSMN", "OnAVOS", "Ours (w/o OL)", "Ours (with OL)",
    ]  # fmt: skip
    assert {r.source for r in TABLE_2} == {"paper, Table 2; its own split of 3,252 videos"}
    osvos = row(TABLE_2, "OSVOS")
    assert osvos.reference == 6
    assert (osvos.J_mean, osvos.J_recall, osvos.J_decay) == (
        (59.1, 58.8),
        (66.2, 64.5),
        (17.9, 19.5),
    )
    ours = row(TABLE_2, "Ours (with OL)")
    assert ours.reference is None
    assert (ours.J_mean.seen, ours.J_mean.unseen) == (66.9, 66.8)
    assert (ours.F_mean, ours.F_recall, ours.F_decay) == ((74.1, 72.3), (82.8, 80.5), (12.6, 13.4))


def test_table_3():
    assert len(TABLE_3) == 11
    assert {r.source for r in TABLE_3} == {"paper, Table 3; DAVIS 2016"}
    bvs, onavos = row(TABLE_3, "BVS"), row(TABLE_3, "OnAVOS")
    assert (bvs.OL, bvs.PP, bvs.OF, bvs.RNN) == (None, False, False, None)
    assert (bvs.mean_IoU, bvs.seconds_per_frame) == (60.0, 0.37)
    assert (onavos.OL, onavos.PP, onavos.OF, onavos.RNN) == (True, True, False, False)
    without, with_ol = TABLE_3[-2:]
    assert (without.OL, without.RNN, without.mean_IoU, without.seconds_per_frame) == (
        False, True, 76.5, 0.16,
    )  # fmt: skip
    assert (with_ol.OL, with_ol.mean_IoU, with_ol.seconds_per_frame) == (True, 79.1, 9)


@pytest.mark.parametrize("table", [TABLE_2, TABLE_3])
def test_every_row_is_marked_as_cited(table):
    assert all(row.source.startswith("paper, Table ") for row in table)


def test_cited_tables_match_the_paper():
    table = cited_table("davis2016")
    assert table.heading == "cited (paper, Table 3; DAVIS 2016)"
    rows = {method: [cell[0].text for cell in cells] for method, cells in table.rows}
    assert rows["OFL [27]"] == ["–", "✓", "✓", "–", "68.0", "42.2"]
    assert rows["MaskTrack [32]"] == ["✓", "✓", "✗", "✗", "79.7", "12"]
    table = cited_table("youtube-vos")
    rows = {m: ["/".join(part.text for part in cell) for cell in cells] for m, cells in table.rows}
    assert rows["SegFlow [8]"] == [
        "40.4/38.5", "45.4/41.7", "7.2/8.4", "35.0/32.7", "35.3/32.1", "6.9/9.1",
    ]  # fmt: skip
    assert not any(part.best for _, cells in table.rows for cell in cells for part in cell)


def test_nothing_to_cite_on_davis_2017():
    with pytest.raises(InputError, match=r"the paper has rows for youtube-vos .* davis2017"):
        cited_table("davis2017")
