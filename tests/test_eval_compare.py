import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from ytvos_keras.cli import eval_compare
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.comparison import compare, read_result
from ytvos_keras.evaluation.method_table import MethodTable, Part, percent, seconds
from ytvos_keras.evaluation.results import Evaluation, ObjectScores


def constant(sequence, category, J, F, frames=8):
    names = tuple(f"{i:05d}" for i in range(frames))
    return ObjectScores(sequence, 1, category, names, np.full(frames, J), np.full(frames, F))


def write(path, *objects, protocol="youtube-vos", seen=("cat",), **settings):
    """Write a result file; `seen=None` means unknown categories."""
    seen = None if seen is None else frozenset(seen)
    if seen is not None:
        settings |= {"seen_categories": sorted(seen)}  # as `score_plan` does
    evaluation = Evaluation(protocol, objects, seen, settings)
    path.write_text(json.dumps(evaluation.to_dict()))
    return str(path)


@pytest.fixture
def two(tmp_path):
    """Two results whose winners differ between columns and between seen and unseen."""
    a = write(
        tmp_path / "a.json", constant("v", "cat", 0.8, 0.6), constant("w", "ant", 0.4, 0.46),
        frames="every", seconds_per_frame=0.0653,
    )  # fmt: skip
    b = write(
        tmp_path / "b.json", constant("v", "cat", 0.7, 0.6), constant("w", "ant", 0.51, 0.9),
        frames="every",
    )  # fmt: skip
    return [a, b]


@pytest.fixture
def davis(tmp_path):
    return [
        write(
            tmp_path / f"{name}.json",
            constant("dog", None, J, 0.5),
            protocol="davis2016",
            seen=None,
        )
        for name, J in (("x", 0.765), ("y", 0.791))
    ]


def texts(table):
    return {
        method: ["/".join(p.text for p in cell) for cell in cells] for method, cells in table.rows
    }


def best(table):
    return {method: [[p.best for p in cell] for cell in cells] for method, cells in table.rows}


def test_table_2_if_seen_and_unseen_are_known(two):
    comparison = compare([read_result(path) for path in two])
    table = comparison.measured
    assert table.columns == (
        "J mean ↑", "J recall ↑", "J decay ↓", "F mean ↑", "F recall ↑", "F decay ↓",
    )  # fmt: skip
    assert texts(table) == {
        "a": ["80.0/40.0", "100.0/0.0", "0.0/0.0", "60.0/46.0", "100.0/0.0", "0.0/0.0"],
        "b": ["70.0/51.0", "100.0/100.0", "0.0/0.0", "60.0/90.0", "100.0/100.0", "0.0/0.0"],
    }
    same = [True, True]
    assert best(table) == {
        "a": [[True, False], [True, False], same, [True, False], [True, False], same],
        "b": [[False, True], same, same, same, same, same],
    }
    assert table.notes == ("G: a 56.5, b 67.8",)
    assert comparison.cited is None
    assert comparison.warnings == ()


def test_less_decay_is_better(tmp_path):
    falling, rising = np.linspace(1, 0, 8), np.linspace(0, 1, 8)
    names = tuple("abcdefgh")
    paths = [
        write(tmp_path / f"{name}.json", ObjectScores("v", 1, "cat", names, J, rising))
        for name, J in (("falling", falling), ("rising", rising))
    ]
    table = compare([read_result(path) for path in paths]).measured
    assert texts(table)["rising"][2] == "-71.4/–"
    assert best(table)["rising"][2] == [True, False]
    assert best(table)["falling"][2] == [False, False]


def test_table_3_by_default_and_on_request(two, davis):
    table = compare([read_result(path) for path in davis]).measured
    assert table.heading == "davis2016, 1 object; percent, mean IoU = mean J"
    assert table.columns == ("mean IoU ↑", "F mean ↑", "s/frame ↓")
    assert texts(table) == {"x": ["76.5", "50.0", "–"], "y": ["79.1", "50.0", "–"]}
    table = compare([read_result(path) for path in two], table=3).measured
    assert texts(table) == {"a": ["60.0", "53.0", "0.0653"], "b": ["60.5", "75.0", "–"]}
    assert best(table)["a"] == [[False], [False], [True]]


def test_single_result_wins_nothing(two):
    (row,) = best(compare([read_result(two[0])]).measured).values()
    assert not any(map(any, row))


def test_table_2_needs_categories(davis):
    with pytest.raises(InputError, match=r"x\.json: Table 2 is for seen and unseen .* --seen-from"):
        compare([read_result(path) for path in davis], table=2)


def test_one_result_without_categories_gives_table_3(two, tmp_path):
    objects = constant("v", None, 0.5, 0.5), constant("w", None, 0.5, 0.5)
    c = write(tmp_path / "c.json", *objects, seen=None, frames="every")
    comparison = compare([read_result(path) for path in (*two, c)])
    assert len(comparison.measured.columns) == 3
    (line,) = comparison.warnings
    assert line == f"using Table 3's layout, as {c} has no seen or unseen categories"


def test_cited_rows_are_separate_and_win_nothing(two, davis):
    with_paper = compare([read_result(path) for path in two], cite_paper=True)
    without = compare([read_result(path) for path in two])
    assert with_paper.measured == without.measured
    assert with_paper.cited.heading == "cited (paper, Table 2; its own split of 3,252 videos)"
    cited = compare([read_result(path) for path in davis], cite_paper=True).cited
    assert cited.heading == "cited (paper, Table 3; DAVIS 2016)"
    assert len(cited.rows) == 11


def test_different_protocols_are_refused(two, davis):
    with pytest.raises(
        InputError, match=r"different protocols .*a\.json: youtube-vos, .*davis2016"
    ):
        compare([read_result(path) for path in (two[0], davis[0])])


def test_different_settings_and_objects_warn(two, tmp_path):
    objects = constant("v", "cat", 0.5, 0.5), constant("x", "ant", 0.5, 0.5)
    c = write(tmp_path / "c.json", *objects, frames="listed", exclude_last=True)
    assert compare([read_result(path) for path in (two[0], c)]).warnings == (
        f"different frames: {two[0]} every, {c} listed",
        f"different exclude_last: {two[0]} None, {c} True",
        f"different objects: {two[0]} has 2, {c} 2, 1 of them the same",
    )
    objects = constant("v", "cat", 0.5, 0.5), constant("w", "ant", 0.5, 0.5)
    c = write(tmp_path / "c.json", *objects, seen=("cat", "ant"), frames="every")
    assert compare([read_result(path) for path in (two[0], c)]).warnings == (
        f"different seen/unseen objects: w 1 in {two[0]}: unseen, in {c}: seen",
    )


@pytest.mark.parametrize("table", [2, 3])
def test_groups_of_equal_size_may_have_other_objects(two, tmp_path, table):
    """In Table 3, the note on G depends on them."""
    objects = constant("v", "cat", 0.5, 0.5), constant("w", "ant", 0.5, 0.5)
    c = write(tmp_path / "c.json", *objects, seen=("ant",), frames="every")
    assert compare([read_result(path) for path in (two[0], c)], table=table).warnings == (
        f"different seen/unseen objects: v 1 in {two[0]}: seen, in {c}: unseen (and 1 more)",
    )


def test_other_numbers_of_scored_frames_warn(two, tmp_path):
    objects = constant("v", "cat", 0.5, 0.5, frames=5), constant("w", "ant", 0.5, 0.5)
    c = write(tmp_path / "c.json", *objects, frames="every")
    assert compare([read_result(path) for path in (two[0], c)]).warnings == (
        f"different numbers of scored frames: v 1 in {two[0]}: 8, in {c}: 5",
    )


def test_names_of_splits_and_unused_categories_do_not_matter(two, tmp_path):
    objects = constant("v", "cat", 0.5, 0.5), constant("w", "ant", 0.5, 0.5)
    c = write(tmp_path / "c.json", *objects, seen=("cat", "cow"), frames="every", split="val")
    assert compare([read_result(path) for path in (two[0], c)]).warnings == ()


def test_names_must_differ(two):
    with pytest.raises(
        InputError, match=r"two results are called 'a'; give them names: NAME=FILE\.json"
    ):
        compare([read_result(two[0]), read_result(two[1], "a")])


def test_no_scores_shows_a_dash(tmp_path):
    empty = ObjectScores("v", 1, None, (), np.empty(0), np.empty(0))
    path = write(tmp_path / "a.json", empty, protocol="davis2017", seen=None)
    assert texts(compare([read_result(path)]).measured) == {"a": ["–", "–", "–"]}
    not_json = tmp_path / "nan.json"
    not_json.write_text((tmp_path / "a.json").read_text().replace("null", "NaN", 1))
    assert math.isnan(read_result(not_json).overall.J.mean)


def test_objects_without_a_scored_frame_are_not_counted(two, tmp_path):
    empty = ObjectScores("v", 2, "cat", (), np.empty(0), np.empty(0))
    a, b = constant("v", "cat", 0.5, 0.5), constant("w", "ant", 0.5, 0.5)
    c = write(tmp_path / "c.json", a, b, empty, frames="every")
    comparison = compare([read_result(path) for path in (*two, c)])
    assert comparison.measured.heading.startswith("youtube-vos, 2 objects; ")
    assert comparison.warnings == ()


def test_formatted_figures():
    assert percent(0.6094) == "60.9"
    assert percent(-0.0004) == "0.0"
    assert percent(math.nan) == "–"
    assert [seconds(x) for x in (0.16, 42.2, 12.0, 0.06532)] == ["0.16", "42.2", "12", "0.0653"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "davis"}, 'protocol: must be one of davis2016, .*. Received: "davis"; give'),
        ({"protocol": 7}, "protocol: must be text. Received: 7; give a file that"),
        ({"J": {"mean": 0.5}}, "J: needs a member 'recall'; give a file that"),
        ({"F": [1]}, r"F: must be an object {…}. Received: \[1\]; give a file that"),
        (
            {"seen": {"J": {"mean": 60.9, "recall": 0, "decay": 0}}},
            r"seen\.J\.mean: must be a fraction in 0…1 or null. Received: 60\.9; give a file",
        ),
        ({"G": True}, "G: must be a fraction in 0…1 or null. Received: true"),
        ({"objects": [1]}, r"objects\[0\]: must be an object {…}. Received: 1"),
        ({"objects": [{"object": 1}]}, r"objects\[0\]: needs a member 'sequence'"),
        (
            {"objects": [{"sequence": [], "object": 1}]},
            r"objects\[0\]\.sequence: must be text. Received: \[\]; give a file that",
        ),
        (
            {"settings": {"seconds_per_frame": -1}},
            r"settings\.seconds_per_frame: must be a number above 0 or null. Received: -1",
        ),
        (
            {"settings": {"seconds_per_frame": 10**400}},
            r"settings\.seconds_per_frame: must be a number above 0 or null. Received: 1000",
        ),
        ({"settings": {"frames": ["every"]}}, r"settings\.frames: must be text. Received: \["),
        ({"settings": {"seen_categories": 1}}, r"settings\.seen_categories: must be a list \["),
        (
            {"objects": [{"sequence": "v", "object": 1, "frames": "8"}]},
            r"objects\[0\]\.frames: must be a whole number of at least 0. Received: \"8\"",
        ),
        ({"version": "eleven"}, "version: must be a release such as 0.1.0. Received"),
        ({"version": "9" * 5000}, "version: must be a release such as 0.1.0. Received"),
        (
            {"version": "99.0.0"},
            r'version: is newer than the installed .* Received: "99\.0\.0"; update ytvos-keras',
        ),
    ],
)
def test_not_a_result_file(two, tmp_path, change, message):
    content = json.loads((tmp_path / "a.json").read_text()) | change
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as error:
        read_result(two[0])
    assert str(error.value).startswith(f"{two[0]}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "key", ["protocol", "J", "F", "G", "seen", "unseen", "objects", "settings", "version"]
)
def test_missing_keys_are_reported(two, tmp_path, key):
    content = json.loads((tmp_path / "a.json").read_text())
    del content[key]
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"a.json: needs a member '{key}'; give a file"):
        read_result(two[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not valid JSON; is it cut off? (Expecting property name"),
        (b"", "is not valid JSON; is it cut off? (Expecting value"),
        (b"\xff\xfe", "is not UTF-8 text, so not JSON"),
        (b"[1]", "the file: must be an object {…}. Received: [1]; give a file"),
    ],
)
def test_invalid_json(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_result(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_byte_order_mark_is_skipped(two, tmp_path):
    marked = tmp_path / "marked.json"
    marked.write_text((tmp_path / "a.json").read_text(), encoding="utf-8-sig")
    assert read_result(marked).overall == read_result(two[0]).overall


def test_markdown():
    part = Part
    table = MethodTable(
        "two",
        ("J ↑", "s ↓"),
        (("a|b", ((part("1.0", True), part("2.0")), (part("–"),))),),
        ("end",),
    )
    assert table.to_markdown() == (
        "two:\n"
        "\n"
        "| method | J ↑ | s ↓ |\n"
        "| --- | ---: | ---: |\n"
        "| a\\|b | **1.0**/2.0 | – |\n"
        "\n"
        "end\n"
    )


def test_terminal_table_fits_80_columns_and_shows_bold(two, tmp_path):
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"), color_system=None)
    results = [read_result(two[0], "a method with a long name [8]"), read_result(two[1])]
    comparison = compare(results, cite_paper=True)
    comparison.measured.print(console)
    comparison.cited.print(console)
    console.file.close()
    html = console.export_html(inline_styles=True, clear=False)
    assert 'font-weight: bold">80.0</span>/40.0' in html
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "100.0/100.0" in text
    assert "[8]" in text  # no markup


def test_command_prints_a_table(two, capsys):
    assert eval_compare.main([two[0], f"other one={two[1]}", "--cite-paper"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == ("youtube-vos, 2 objects; frames given: every; percent, seen/unseen")
    assert "a 80.0/40.0 100.0/0.0 0.0/0.0 60.0/46.0 100.0/0.0 0.0/0.0" in lines
    measured, cited = out.split("cited (paper, Table 2; its own split of 3,252 videos)")
    assert "other one" in measured
    assert "SegFlow" not in measured
    assert "SegFlow [8]" in cited


def test_command_prints_markdown(davis, capsys):
    assert eval_compare.main([*davis, "--markdown", "--cite-paper"]) == 0
    out = capsys.readouterr().out
    assert "| x | 76.5 | **50.0** | – |\n| y | **79.1** | **50.0** | – |\n\ncited (paper" in out
    assert "| Ours | ✗ | ✗ | ✗ | ✓ | 76.5 | 0.16 |\n" in out


def test_command_warns(two, tmp_path, capsys):
    c = write(tmp_path / "c.json", constant("v", "cat", 0.5, 0.5), constant("w", "ant", 0.5, 0.5))
    assert eval_compare.main([two[0], c]) == 0
    assert capsys.readouterr().err == f"warning: different frames: {two[0]} every, {c} None\n"


def test_command_errors_are_one_line(two, davis, tmp_path, capsys):
    absent = str(tmp_path / "absent.json")
    for arguments, message in (
        ([two[0], absent], f"error: {absent}: no such file; give a file"),
        ([two[0], f"x={absent}"], f"error: {absent}: no such file; give a file"),
        ([two[0], davis[0]], "error: results of different protocols"),
    ):
        assert eval_compare.main(arguments) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(message)
        assert err.count("\n") == 1


def test_file_name_with_an_equals_sign(two, tmp_path, capsys):
    path = tmp_path / "lr=1.json"
    path.write_bytes((tmp_path / "a.json").read_bytes())
    assert eval_compare.main([str(path), "--table", "3"]) == 0
    assert "\nlr=1 " in capsys.readouterr().out


def test_output_encoding_without_arrows(davis):
    """On Windows, output redirected to a file may use an encoding without arrows and ticks."""
    arguments = [sys.executable, "-m", "ytvos_keras.cli.eval", "compare", *davis, "--cite-paper"]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(arguments, capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    out = done.stdout.decode("cp1252")
    assert "mean IoU \\u2191" in out
    assert "\\u2713" in out


@pytest.mark.parametrize("arguments", [[], ["a.json", "--table", "4"]])
def test_usage_errors_exit_2(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        eval_compare.main(arguments)
    assert error.value.code == 2
    assert "usage: ytvos-eval compare" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["eval_compare", "eval_submission"])
def test_help_imports_nothing_heavy(command):
    code = (
        f"import sys\nfrom ytvos_keras.cli.{command} import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout
