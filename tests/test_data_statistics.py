import importlib.util
import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from small_videos import HEIGHT, WIDTH, make_videos

from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.datasets.statistics.measure import duration, measure, summarize
from ytvos_keras.datasets.statistics.plots import check_plot_path, write_plots
from ytvos_keras.datasets.statistics.table import print_statistics
from ytvos_keras.datasets.statistics.video_facts import VideoFacts, facts_of_videos
from ytvos_keras.errors import InputError
from ytvos_keras.media import write_mask

FACTS = [
    VideoFacts(
        ("00000", "00005", "00010"),
        2,
        100,
        {1: ObjectInfo("dog", 0, 2, (10, 20)), 4: ObjectInfo("cat", 2, 2, (0, 50))},
    ),
    VideoFacts(("00000", "00001"), 1, 50, {1: ObjectInfo("dog", 0, 0, (5,))}),
    VideoFacts(("picture",), 1, 50, {1: ObjectInfo(None, 0, 0, (25,))}),
    VideoFacts(("a", "b"), 0, 0, {}),
]


def test_the_columns_of_table_1():
    assert measure(FACTS).table_1 == {
        "videos": 4,
        "categories": 2,
        "objects": 4,
        "annotations": 5,
        "minutes": pytest.approx((15 / 30 + 2 / 30 + 0 + 2 / 30) / 60),
    }


def test_underlying_figures():
    figures = measure(FACTS)
    assert (figures.frames, figures.annotated_frames) == (8, 4)
    assert figures.objects_per_video.tolist() == [2, 1, 1, 0]
    assert figures.clip_lengths.tolist() == [3, 2, 1, 2]
    assert sorted(figures.area_shares) == [0.1, 0.1, 0.2, 0.5, 0.5]
    assert dict(figures.categories) == {"dog": 2, "cat": 1}
    assert list(figures.categories) == ["dog", "cat"]
    assert figures.to_dict()["distributions"]["objects per video"]["mean"] == 1.0


@pytest.mark.parametrize(
    ("names", "fps", "seconds"),
    [
        ([f"{n:05d}" for n in range(0, 100, 5)], 30, 20 * 5 / 30),  # YouTube-VOS at 6 fps
        ([f"{n:05d}" for n in range(90)], 30, 3.0),  # YouTube-VOS, all frames
        ([f"{n:05d}" for n in range(48)], 24, 2.0),  # DAVIS
        (["00010", "00015", "00020"], 30, 0.5),  # annotated late
        (["00000", "00005", "00015"], 30, (15 + 7.5) / 30),  # one frame missing
        (["a", "b", "c"], 30, 0.1),
        (["1", "b"], 30, 2 / 30),
        (["00000"], 30, 0.0),  # a single image
    ],
)
def test_duration(names, fps, seconds):
    assert duration(names, fps) == pytest.approx(seconds)


def test_spread():
    names = ["min", "25%", "median", "75%", "max", "mean"]
    assert list(summarize(np.array([0, 1, 2, 3, 9])).items()) == list(
        zip(names, [0, 1, 2, 3, 9, 3], strict=True)
    )
    assert set(summarize(np.array([])).values()) == {None}


def test_facts_of_folders(tmp_path):
    videos = make_videos(tmp_path, videos=2)
    calls = []
    first, second = facts_of_videos(videos, on_progress=lambda *call: calls.append(call))
    assert first.frame_names == ("00000", "00001", "00002", "00003")
    assert (first.annotated, first.pixels) == (2, HEIGHT * WIDTH)
    assert first.objects[1] == ObjectInfo("dog", 0, 2, (80, 80))
    assert second.objects[3] == ObjectInfo(None, 2, 2, (0, 20))
    assert calls == [("stats", 1, 2), ("stats", 2, 2)]


def test_processes_give_the_same_facts(tmp_path):
    videos = make_videos(tmp_path, videos=9)  # a process takes eight at a time
    calls = []
    facts = facts_of_videos(videos, jobs=2, on_progress=lambda *call: calls.append(call))
    assert facts == facts_of_videos(videos)
    assert calls == [("stats", n, 9) for n in range(1, 10)]


def test_void_is_not_an_object_but_white_masks_are(tmp_path):
    (video,) = make_videos(tmp_path, videos=1)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[:2] = 255
    labels[5, 5] = 1
    write_mask(video.frames[0].mask, labels)
    assert facts_of_videos([video])[0].objects[1].areas == (1, 80)
    for frame in video.frames[::2]:
        write_mask(frame.mask, np.where(labels == 255, labels, 0))
    assert facts_of_videos([video])[0].objects == {1: ObjectInfo("dog", 0, 2, (64, 64))}


def test_invalid_mask(tmp_path):
    (video,) = make_videos(tmp_path, videos=1)
    video.frames[2].mask.write_bytes(b"no PNG")
    with pytest.raises(InputError, match=r"00002\.png: cannot be read as an image"):
        facts_of_videos([video])


def test_the_table_fits_80_columns():
    many = [
        VideoFacts(
            tuple(f"{n:05d}" for n in range(0, 150, 5)),
            30,
            10**6,
            {n: ObjectInfo(f"category number {i % 40}", 0, 29, (12345,) * 30) for n in range(1, 9)},
        )
        for i in range(4000)
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    statistics = {"train": measure(many), "a rather long name of a split": measure(FACTS)}
    print_statistics(statistics, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "4,000" in text
    assert "960,000" in text
    assert "333.3" in text  # 4,000 videos of 5 seconds
    assert "120,000 of 120,000 frames annotated" in text
    assert "and 30 more categories" in text.replace("\n", " ")
    assert "objects: dog 2, cat 1" in lines


def test_names_are_not_markup():
    console = Console(width=80, record=True, file=io.StringIO())
    print_statistics({"[red]x": measure(FACTS)}, console)
    assert console.export_text().count("[red]x") == 2


@pytest.mark.parametrize("suffix", [".png", ".svg", ".PDF"])
def test_plots(tmp_path, suffix):
    path = tmp_path / f"plots{suffix}"
    write_plots(path, measure(FACTS), "costs $5 or $6^")
    first = path.read_bytes()
    write_plots(path, measure(FACTS), "costs $5 or $6^")
    assert path.read_bytes() == first  # no timestamp embedded
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if suffix == ".png":
        with Image.open(path) as picture:
            assert picture.size == (1200, 960)


def test_plots_of_single_images_and_of_nothing(tmp_path):
    write_plots(tmp_path / "pictures.png", measure(FACTS[2:3]), "pictures")
    write_plots(tmp_path / "nothing.png", measure(FACTS[3:]), "nothing")
    crowded = {i: ObjectInfo(f"kind {i}", 0, 0, (1,)) for i in range(1, 50)}
    many = [VideoFacts(("a", "b"), 1, 100, crowded)]
    write_plots(tmp_path / "many.svg", measure(many), "many")
    assert (tmp_path / "many.svg").read_text().count("<g id=") > 30


def test_plots_that_cannot_be_drawn(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"plots\.txt: plots need a file name that ends in \.png"):
        check_plot_path(tmp_path / "plots.txt")
    with pytest.raises(InputError, match=r"absent: no such folder; create it first"):
        check_plot_path(tmp_path / "absent" / "plots.png")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"run: pip install 'ytvos-keras\[plots\]'$"):
        check_plot_path(tmp_path / "plots.png")
