"""Items that arrive one by one, taken in batches of what has arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from seq2seq.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Arriving(Generic[Item]):
    """An iterator that can be asked whether its next item is there, such as the lines of a pipe.

    Args:
        items: any iterable.
        ready: whether the next item, or the end, comes without waiting; without it, always.
    """

    def __init__(self, items: Iterable[Item], ready: Callable[[], bool] = lambda: True) -> None:
        self._items = iter(items)
        self.ready = ready

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return next(self._items)

    def map(self, function: Callable[[Item], Result]) -> Arriving[Result]:
        """What the function makes of each item, when it is asked for."""
        return Arriving(map(function, self), self.ready)


def arriving(items: Iterable[Item]) -> Arriving[Item]:
    """The items themselves, if they can be asked, or else as if all of them were there."""
    return items if isinstance(items, Arriving) else Arriving(items)


def chunks(
    items: Iterable[Item],
    *,
    max_items: int,
    size: Callable[[Item], int] = lambda item: 0,
    max_size: int = 1,
) -> Iterator[list[Item]]:
    """Lists of what has arrived: whoever waits for the answer to one item need not send another.

    Args:
        items: any iterable; of one that is `Arriving` a list ends where the next item would have to be waited for.
        max_items: in a list.
        size: of an item.
        max_size: a list ends with the item that reaches it.

    Raises:
        UserError: what the items raise, after a list of what came before: it is not lost.
    """
    items = arriving(items)
    failure: UserError | None = None
    ended = False
    while not ended:
        chunk: list[Item] = []
        room = max_size
        while room > 0 and len(chunk) < max_items and (not chunk or items.ready()):
            try:
                chunk.append(next(items))
            except StopIteration:
                ended = True
                break
            except UserError as error:
                failure, ended = error, True
                break
            room -= size(chunk[-1])
        if chunk:
            yield chunk
    if failure is not None:
        raise failure
