"""Memory for keys and values, in pages of so many positions of all layers, handed out and taken back."""

from __future__ import annotations

from collections import deque
from typing import Any

from pocket_fast.cuda.device import Device, address

PAGE = 64  # positions
_SLAB_BYTES = 64 << 20  # pages come from the device in slabs of so much, or of one page if that is more


class PagePool:
    """floats: of a page. Slabs are never given back, so that what stands in recorded launches stays where it is."""

    def __init__(self, device: Device, floats: int):
        self.device, self.floats = device, floats
        self._free: deque[tuple[Any, int]] = deque()

    def take(self) -> tuple[Any, int]:
        """A page: its slab, and where in it."""
        while True:
            try:
                return self._free.popleft()
            except IndexError:
                count = max(1, _SLAB_BYTES // (4 * self.floats))
                slab = self.device.zeros((count, self.floats))
                self._free.extend((slab, i) for i in range(count))

    def give(self, pages: list[tuple[Any, int]]) -> None:
        """Take them back. May be called by whatever thread collects garbage."""
        self._free.extend(pages)


class Span:
    """The positions of one owner: pages of its own behind those of another span, which it only reads."""

    def __init__(self, pool: PagePool, before: Span | None = None, length: int = 0):
        self._pool = pool
        self._own: list[tuple[Any, int]] = []
        self._before = before  # keeps its pages alive
        whole = length // PAGE if before is not None else 0
        self._shared = list(before.pages[:whole]) if before is not None else []
        self._partial = before.pages[whole] if before is not None and length % PAGE else None
        self.addresses: list[int] = [self._address(page) for page in self._shared]  # of its pages

    def __del__(self) -> None:
        self._pool.give(self._own)

    @property
    def pages(self) -> list[tuple[Any, int]]:
        return self._shared + self._own

    @property
    def nbytes(self) -> int:
        """Of its own pages."""
        return 4 * self._pool.floats * len(self._own)

    def make_room(self, positions: int) -> None:
        """For so many in all. What lies in a page of the other span that is not full is copied first."""
        while len(self.addresses) < (positions + PAGE - 1) // PAGE:
            page = self._pool.take()
            if self._partial is not None:
                with self._pool.device:
                    self._pool.device.copy(page[0][page[1]], self._partial[0][self._partial[1]])
                self._partial = None
            self._own.append(page)
            self.addresses.append(self._address(page))

    def _address(self, page: tuple[Any, int]) -> int:
        return int(address(page[0], page[1] * self._pool.floats))
