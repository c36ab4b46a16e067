"""What ends a program from outside: TERM and HUP are Ctrl+C's exception, once."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from toolkit.core.progress import ENDS, end_as_ctrl_c, whole_steps

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no HUP and cannot send TERM")


@pytest.fixture(autouse=True)
def as_from_a_shell() -> Iterator[None]:
    """What starts the tests may ignore HUP, as nohup does."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDS)
def test_the_first_one_raises_and_the_next_ones_do_not(number: signal.Signals) -> None:
    """The exception tells the number; a second signal while things are finished changes nothing."""
    finished = False
    with end_as_ctrl_c():
        with pytest.raises(KeyboardInterrupt) as stop:
            os.kill(os.getpid(), number)
        for again in ENDS:
            os.kill(os.getpid(), again)
        finished = True
    assert (stop.value.args, finished) == ((number,), True)
    assert all(signal.getsignal(each) == signal.SIG_DFL for each in ENDS)


def test_what_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As nohup asks."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with end_as_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_forked_process_ends_without_an_exception() -> None:
    """As workers of a data loader are ended: by the signal itself."""
    with end_as_ctrl_c():
        child = os.fork()
        if not child:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os._exit(7)
        _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_other_threads_go_without() -> None:
    """Python lets only the main thread set handlers."""
    seen: list[bool] = []

    def run() -> None:
        with end_as_ctrl_c():
            seen.append(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDS])
def test_the_first_one_waits_for_whole_steps(number: signal.Signals) -> None:
    """And is raised at the block's end, once; what the block does until then is done."""
    finished = False
    with pytest.raises(KeyboardInterrupt) as stop, end_as_ctrl_c():
        with whole_steps() as waiting:
            assert not waiting()
            os.kill(os.getpid(), number)
            assert waiting()
            finished = True
        pytest.fail("the interrupt was lost")
    assert finished
    assert stop.value.args == (() if number == signal.SIGINT else (number,))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    """Where a step hangs."""
    with pytest.raises(KeyboardInterrupt), whole_steps():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_whole_steps_without_a_signal_change_nothing() -> None:
    """Nor what is ignored, as nohup asks."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with whole_steps() as waiting:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not waiting()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
