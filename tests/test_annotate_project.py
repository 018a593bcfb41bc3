import json
import threading

import numpy as np
import pytest
from annotate_project import SIZE, box, make_frames, make_project

from ytvos_keras.annotate.project import Prediction, Project
from ytvos_keras.annotate.project_files import read_video_name
from ytvos_keras.errors import InputError
from ytvos_keras.media import read_mask, write_mask
from ytvos_keras.media.random_frames import RandomFrames


def reopened(project: Project) -> Project:
    return Project(project.folder, RandomFrames(project.frames.path))


def test_drawn_mask_is_saved_and_trusted(tmp_path):
    project = make_project(tmp_path)
    assert project.add_object() == 1
    project.save_drawn(3, box(5), [1])
    np.testing.assert_array_equal(read_mask(tmp_path / "masks/00003.png")[0], box(5))
    again = reopened(project)
    np.testing.assert_array_equal(again.mask(3), box(5))
    assert list(again.trusted[3]) == [1]
    assert again.objects == project.objects


def test_prediction_never_changes_a_trusted_object(tmp_path):
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    project.save_drawn(2, box(5), [1])
    labels = box(9) | box(30, value=2)
    labels[4:12, 7:9] = 2  # overlaps the trusted object
    project.save_predicted(2, labels, {1: Prediction("00000:0"), 2: Prediction("00000:0", 0.9)})
    np.testing.assert_array_equal(project.mask(2), box(5) | box(30, value=2))
    assert project.predicted[2] == {2: Prediction("00000:0", 0.9)}


def test_prediction_replaces_only_its_objects(tmp_path):
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    project.save_predicted(1, box(5), {1: Prediction("a")})
    project.save_predicted(1, box(30, value=2), {2: Prediction("b")})
    project.save_predicted(1, box(7), {1: Prediction("a")})
    np.testing.assert_array_equal(project.mask(1), box(7) | box(30, value=2))


def test_trusted_absence_is_kept(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(2, np.zeros(SIZE, np.uint8), [1])
    project.save_predicted(2, box(5), {1: Prediction("a")})
    assert not reopened(project).mask(2).any()


def test_revoking_trust(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(2, box(5), [1])
    project.save_drawn(2, box(6), [])
    assert reopened(project).trusted == {}
    np.testing.assert_array_equal(project.mask(2), box(6))


def test_frame_in_which_all_drawing_was_undone_has_no_mask(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(2, box(5), [1])
    project.save_drawn(2, np.zeros(SIZE, np.uint8), [])
    assert not project.has_mask(2)
    project.save_predicted(3, np.zeros(SIZE, np.uint8), {1: Prediction("a")})
    project.save_drawn(3, np.zeros(SIZE, np.uint8), [])
    assert project.has_mask(3)  # predicted to be without the object
    project.save_drawn(3, np.zeros(SIZE, np.uint8), [1])
    project.save_drawn(3, np.zeros(SIZE, np.uint8), [])
    assert project.has_mask(3)  # the file was there before anything was drawn
    write_mask(project.folder / "00004.png", np.zeros(SIZE, np.uint8))  # by another command
    project.save_drawn(4, box(5), [1])
    project.save_drawn(4, np.zeros(SIZE, np.uint8), [])
    assert project.has_mask(4)


def test_deleting_the_only_object_leaves_no_masks(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(0, box(5), [1])
    project.save_predicted(1, box(6), {1: Prediction("a")})
    project.save_predicted(2, np.zeros(SIZE, np.uint8), {1: Prediction("a")})
    project.save_predictions()
    project = reopened(project)
    project.delete_object(1)
    assert not any(map(project.has_mask, range(project.frames.count)))


def test_deleting_an_object_keeps_black_masks_of_another_command(tmp_path):
    frames = RandomFrames(make_frames(tmp_path / "clip"))
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks/00000.png", box(5) | box(20, value=2))
    write_mask(tmp_path / "masks/00001.png", box(5))  # object 2 is absent
    project = Project(tmp_path / "masks", frames)
    project.delete_object(1)
    assert project.has_mask(1) and not project.mask(1).any()


def test_objects_that_are_unknown_in_a_frame(tmp_path):
    project = make_project(tmp_path)
    project.add_object(), project.add_object(), project.add_object()  # 3 is never drawn
    project.save_drawn(0, box(5) | box(20, value=2), [1, 2])
    project.save_predicted(1, box(6), {1: Prediction("a")})
    assert [project.unknown(i) for i in range(3)] == [[], [2], [1, 2]]
    project.save_drawn(0, box(20, value=2), [2])  # undone, but 1 is still predicted in frame 1
    assert [project.unknown(i) for i in range(3)] == [[1], [2], [1, 2]]


def test_masks_overwritten_by_another_command_keep_trusted_objects(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(0, box(5), [1])
    write_mask(tmp_path / "masks/00000.png", box(20))
    np.testing.assert_array_equal(reopened(project).mask(0), box(5))


def test_opening_the_output_of_another_command(tmp_path):
    frames = RandomFrames(make_frames(tmp_path / "clip"))
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks/00001.png", box(5) | box(20, value=3))
    project = Project(tmp_path / "masks", frames)
    assert list(project.objects) == [1, 3]
    assert project.trusted == {}


def test_object_that_is_in_few_masks_of_another_command(tmp_path):
    frames = RandomFrames(make_frames(tmp_path / "clip", count=60))
    (tmp_path / "masks").mkdir()
    for index in range(60):
        labels = box(5) | (box(20, value=7) if index in (1, 2) else 0)
        write_mask(tmp_path / f"masks/{index:05d}.png", labels)
    project = Project(tmp_path / "masks", frames)
    assert list(project.objects) == [1, 7]
    assert project.add_object() == 2
    project.delete_object(2)
    project.save_drawn(1, project.mask(1), [7])
    write_mask(tmp_path / "masks/00030.png", box(9, value=4))  # by `ytvos-segment`, later
    assert sorted(reopened(project).objects) == [1, 4, 7]


def test_source_that_is_no_longer_trusted(tmp_path):
    with pytest.raises(InputError, match="frame 00003 was changed; propagate again"):
        make_project(tmp_path).source(3, 1)


def test_deleting_an_object_removes_it_from_every_frame(tmp_path):
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    project.save_drawn(0, box(5) | box(20, value=2), [1, 2])
    project.save_predicted(1, box(6) | box(21, value=2), {1: Prediction("a"), 2: Prediction("a")})
    project.delete_object(2)
    again = reopened(project)
    assert list(again.objects) == [1]
    assert [list(again.trusted[0]), list(again.predicted[1])] == [[1], [1]]
    np.testing.assert_array_equal(again.mask(0), box(5))
    np.testing.assert_array_equal(again.mask(1), box(6))
    again.delete_object(1)
    assert again.predicted == reopened(again).predicted == {}
    assert again.add_object() == 1


def test_deleting_keeps_nobody_waiting(tmp_path, monkeypatch):
    """Masks are searched without the lock; only those that have the object are read again."""
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    for index in range(6):
        project.save_predicted(index, box(5), {1: Prediction("a")})
    project.save_predicted(3, box(20, value=2), {2: Prediction("a")})
    search, read, read_again = project._map_masks, project.mask, []

    def search_and_draw(*arguments):
        found = search(*arguments)
        drawn = (6, box(20, value=2), [])  # by another page, after the frame was searched
        other = threading.Thread(target=project.save_drawn, args=drawn, daemon=True)
        other.start()
        other.join(30)
        assert not other.is_alive()
        return found

    monkeypatch.setattr(project, "_map_masks", search_and_draw)
    monkeypatch.setattr(project, "mask", lambda index: read_again.append(index) or read(index))
    project.delete_object(2)
    assert set(read_again) == {3, 6}
    assert list(reopened(project).objects) == [1]
    assert not any((read(index) == 2).any() for index in range(project.frames.count))


def test_object_is_deleted_twice_at_once(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    project.add_object()
    search = project._map_masks

    def search_and_delete(*arguments):
        monkeypatch.setattr(project, "_map_masks", search)
        project.delete_object(1)
        project.save_drawn(0, box(5, value=project.add_object()), [])
        return search(*arguments)

    monkeypatch.setattr(project, "_map_masks", search_and_delete)
    project.delete_object(1)
    (kept,) = project.objects
    np.testing.assert_array_equal(project.mask(0), box(5, value=kept))
    project.delete_object(kept)
    assert not project.mask(0).any()


def test_closing_waits_for_a_deletion(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(0, box(5), [1])
    search, closed = project._map_masks, threading.Event()

    def search_slowly(*arguments):
        closing = threading.Thread(target=lambda: (project.finish_deleting(), closed.set()))
        closing.start()
        assert not closed.wait(0.05)
        return search(*arguments)

    monkeypatch.setattr(project, "_map_masks", search_slowly)
    project.delete_object(1)
    assert closed.wait(30)
    assert not project.mask(0).any()


def test_pages_get_the_lock_between_the_frames_of_a_deletion(tmp_path, monkeypatch):
    """A page that draws the object again meanwhile does not bring it back."""
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    for index in (2, 4):
        project.save_predicted(index, box(5), {1: Prediction("a")})
    erase, drawn = project._erase, []

    def erase_and_draw(index, object_id):
        version = erase(index, object_id)
        if not drawn:
            drawn.append(index)
            again = box(5) | box(20, value=2)
            other = threading.Thread(target=project.save_drawn, args=(index, again, [1, 2]))
            other.start()
            other.join(30)
            assert not other.is_alive()
        return version

    monkeypatch.setattr(project, "_erase", erase_and_draw)
    project.delete_object(1)
    np.testing.assert_array_equal(project.mask(2), box(20, value=2))
    assert list(project.trusted[2]) == [2]
    assert not project.mask(4).any()


def test_deletion_that_failed_can_be_repeated(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    project.add_object()
    with monkeypatch.context() as broken, pytest.raises(TypeError):
        broken.setattr(project, "_map_masks", None)
        project.delete_object(1)
    project.delete_object(1)
    assert project.objects == {}


def test_prediction_of_a_deleted_object_is_dropped(tmp_path):
    project = make_project(tmp_path)
    project.save_predicted(1, box(6), {1: Prediction("a")})
    assert project.predicted == {}
    assert not project.has_mask(1)


def test_object_is_deleted_while_its_mask_waits_to_be_saved(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    lock = project.lock

    class DeletedFirst:
        def __enter__(self):
            project.lock = lock
            project.delete_object(1)
            lock.acquire()

        def __exit__(self, *_):
            lock.release()

    project.lock = DeletedFirst()
    with pytest.raises(InputError, match="no object 1"):
        project.save_drawn(0, box(5), [1])
    assert not project.mask(0).any()
    assert project.objects == {}


def test_names_and_colours(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.change_object(1, name=" dog ", colour="#00ff00")
    assert reopened(project).objects[1].name == "dog"
    for change in ({"name": ""}, {"name": "x" * 61}, {"colour": "red"}, {"colour": 3}):
        with pytest.raises(InputError):
            project.change_object(1, **change)


@pytest.mark.parametrize(
    ("labels", "trusted", "message"),
    [
        (np.zeros((3, 3), np.uint8), [], r"must be \(32, 48\)"),
        (box(5, value=2), [], "no object 2"),
        (box(5), [7], "no object 7"),
    ],
)
def test_invalid_masks_are_not_saved(tmp_path, labels, trusted, message):
    project = make_project(tmp_path)
    project.add_object()
    with pytest.raises(InputError, match=message):
        project.save_drawn(0, labels, trusted)
    assert not (tmp_path / "masks/00000.png").exists()


@pytest.mark.parametrize("text", ["{", '{"version": 99}', "[1]"])
def test_damaged_project_file_is_reported(tmp_path, text):
    make_project(tmp_path)
    (tmp_path / "masks/annotate.json").write_text(text)
    with pytest.raises(InputError, match=r"annotate\.json: .* move it away"):
        make_project(tmp_path)


def test_mask_of_another_video_is_reported(tmp_path):
    project = make_project(tmp_path)
    write_mask(tmp_path / "masks/00002.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(InputError, match=r"00002\.png: is 3×3 pixels, but the video is 48×32"):
        project.mask(2)


def test_project_file_is_json(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    project.save_drawn(3, box(5), [1])
    content = json.loads((tmp_path / "masks/annotate.json").read_text())
    assert content["objects"]["1"]["name"] == "object 1"
    assert list(content["trusted"]) == ["00003"]


def test_entries_of_frames_that_the_video_lacks_are_kept(tmp_path):
    project = make_project(tmp_path)
    project.add_object()
    for index in (1, 6):
        project.save_drawn(index, box(5), [1])
        project.save_predicted(index + 1, box(6), {1: Prediction("a")})
    project.save_predictions()
    (tmp_path / "short").mkdir()
    for index in range(4):
        (tmp_path / f"clip/{index:05d}.png").rename(tmp_path / f"short/{index:05d}.png")
    short = Project(project.folder, RandomFrames(tmp_path / "short"))
    assert (list(short.trusted), list(short.predicted)) == ([1], [2])
    short.save_drawn(0, box(9), [1])
    short.save_predictions()
    make_frames(tmp_path / "clip")
    again = reopened(project)
    assert again.trusted == project.trusted | {0: short.trusted[0]}
    assert again.predicted == project.predicted


def test_name_of_the_video(tmp_path):
    project = make_project(tmp_path)
    assert read_video_name(project.folder) is None
    project.save()
    assert read_video_name(project.folder) == "clip"
    path = project.folder / "annotate.json"
    old = json.loads(path.read_text())
    del old["video"]
    path.write_text(json.dumps(old))
    assert read_video_name(project.folder) is None
    assert reopened(project).trusted == {}


def test_own_masks_are_read_whatever_their_colours(tmp_path):
    project = make_project(tmp_path)
    for _ in range(16):
        project.add_object()
    labels = box(4) | box(30, value=2)
    # In DAVIS colours, 8 and 16 are dark shades of 1 and 2: like smooth edges.
    labels[3, 4:12], labels[3, 30:38] = 8, 16
    project.save_drawn(0, labels, [1, 2, 8, 16])
    project.save_predicted(1, labels, {i: Prediction("a") for i in (1, 2, 8, 16)})
    for index in (0, 1):
        np.testing.assert_array_equal(reopened(project).mask(index), labels)


def test_drawing_on_outdated_labels(tmp_path):
    """Objects that the model has computed in the meantime are no longer up to date."""
    project = make_project(tmp_path)
    for _ in range(3):
        project.add_object()
    for object_id, left in ((1, 5), (2, 20), (3, 35)):
        labels = box(left, value=object_id)
        project.save_predicted(4, labels, {object_id: Prediction("a")})
    seen = project.mask(4)
    project.save_predicted(4, box(22, value=2), {2: Prediction("b")})
    seen[20:24, 5:9] = 1
    project.save_drawn(4, seen, [1])
    assert project.predicted[4] == {3: Prediction("a")}


def test_pixels_that_an_object_no_longer_covers(tmp_path):
    project = make_project(tmp_path)
    for _ in range(3):
        project.add_object()
    wide = box(5, value=2)
    wide[4:12, 13:20] = 1  # a mistake: this is object 2, too
    project.save_predicted(4, wide, {1: Prediction("a"), 2: Prediction("a")})
    better = box(5, value=2) | box(13, value=2) | box(30, value=1)
    better[8:12, 13:21] = 3  # was not predicted in this frame
    project.save_predicted(4, better, {1: Prediction("b")})
    expected = box(5, value=2) | box(30)
    expected[4:8, 13:20] = 2
    np.testing.assert_array_equal(project.mask(4), expected)
    assert project.predicted[4] == {1: Prediction("b"), 2: Prediction("a")}


def test_confidence_of_a_frame(tmp_path):
    project = make_project(tmp_path)
    for _ in range(3):
        project.add_object()
    assert project.confidence(2) == {}
    for object_id, sure in ((1, 0.4), (2, 0.9), (3, None)):
        labels = box(10 * object_id, value=object_id)
        project.save_predicted(2, labels, {object_id: Prediction("a", sure)})
    assert project.confidence(2) == {1: 0.4, 2: 0.9, 3: None}
