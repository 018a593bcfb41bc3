from pathlib import Path

import pytest

from ytvos_keras.media.folder_lock import folder_lock


def test_lock_is_released_if_its_file_cannot_be_removed(tmp_path, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", read_only)
        with pytest.raises(OSError, match="Read-only"), folder_lock(tmp_path):
            pass
    with folder_lock(tmp_path):  # a leaked descriptor would still hold it
        pass
