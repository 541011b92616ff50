"""BLAS with one thread where matrices are small: on a busy machine two threads wait for one
another.

The number of threads is one for the whole process, so the first that asks for one thread sets it
and the last one out puts back what it found; nothing is left changed. Where there is no BLAS to ask
(in a browser), nothing happens.
"""

import threading
from contextlib import ContextDecorator, contextmanager
from functools import lru_cache

try:
    from threadpoolctl import ThreadpoolController
except ImportError:                                                  # a browser's Python
    ThreadpoolController = None

LARGE = 3000                        # rows of a dense matrix from which several threads are worth it


@lru_cache(1)
def _blas():
    """The BLAS libraries of numpy and scipy, found once: some milliseconds, then microseconds."""
    return ThreadpoolController().select(user_api="blas") if ThreadpoolController else _Nothing()


class _Nothing:
    """Limits that limit nothing."""

    def limit(self, limits):
        return self

    def restore_original_limits(self):
        pass


class _One(ContextDecorator):
    """`with one:` or `@one`; may be entered again. While one Python thread is inside, the number is
    its own to set and to put back; for others that enter meanwhile nothing happens."""

    def __init__(self):
        self.lock = threading.Lock()
        self.owner = None
        self.depth = 0
        self.limits = None

    def __enter__(self):
        with self.lock:
            if self.owner is None:
                self.owner = threading.get_ident()
                self.limits = _blas().limit(limits=1)
            if self.owner == threading.get_ident():
                self.depth += 1

    def __exit__(self, *error):
        with self.lock:
            if self.owner == threading.get_ident():
                self.depth -= 1
                if self.depth == 0:
                    self.limits.restore_original_limits()
                    self.owner = None

    @contextmanager
    def unless_large(self, size):
        """All threads again for one factorisation of a matrix with so many rows, if they are many
        enough."""
        if size < LARGE or self.owner != threading.get_ident():
            yield
            return
        self.limits.restore_original_limits()
        try:
            yield
        finally:
            self.limits = _blas().limit(limits=1)


one = _One()
