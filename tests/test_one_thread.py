import os
import threading

import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.inference import one_thread
from ytvos_keras.inference.one_thread import OneThread, alone


class Thing(OneThread):
    def __init__(self):
        super().__init__()
        self.entered, self.leave = threading.Event(), threading.Event()

    @alone
    def wait(self):
        self.entered.set()
        assert self.leave.wait(10)

    @alone
    def nested(self):
        return self.answer()

    @alone
    def answer(self):
        return 42


def test_second_thread_is_refused_and_the_first_continues():
    thing = Thing()
    thread = threading.Thread(target=thing.wait)
    thread.start()
    assert thing.entered.wait(10)
    with pytest.raises(InputError, match="another thread is using this Thing; give each thread"):
        thing.answer()
    thing.leave.set()
    thread.join()
    assert thing.nested() == 42


def test_usable_again_after_an_error():
    thing = Thing()
    with pytest.raises(TypeError):
        thing.answer(1)
    assert thing.answer() == 42


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")
def test_fork_after_use_is_refused(monkeypatch):
    thing = Thing()
    monkeypatch.setattr(one_thread, "_forked", False)
    one_thread._after_fork_in_child()  # the hook that a real fork would run
    for use in (Thing, thing.answer):
        with pytest.raises(InputError, match=r'forked after TensorFlow was used.*"spawn"'):
            use()


def test_fork_before_use_is_allowed(monkeypatch):
    monkeypatch.setattr(one_thread, "_forked", False)
    monkeypatch.setattr(one_thread, "_used", False)
    one_thread._after_fork_in_child()
    assert Thing().answer() == 42
