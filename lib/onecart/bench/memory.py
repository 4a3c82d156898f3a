"""The memory a process and its children hold, the JVM among them."""

import contextlib
import threading
from types import TracebackType

import psutil

_EVERY_S = 0.2


class Peak:
    """`with Peak() as peak:` watches this process and all its children; `peak.gib` is the highest sum of resident
    memory seen, GiB. Pages that forked workers share are counted for each.
    """

    def __init__(self) -> None:
        self.gib = 0.0
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._watcher.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while True:
            held = 0
            for process in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    held += process.memory_info().rss
            self.gib = max(self.gib, held / 2**30)
            if self._stop.wait(_EVERY_S):
                return
