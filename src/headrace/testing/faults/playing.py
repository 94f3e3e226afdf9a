"""Playing a part in the place of a body, in the body's own way: sync, async, or step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from typing import Any, Protocol

from headrace.clock import Clock
from headrace.effects import Call
from headrace.exceptions import StubError
from headrace.testing.faults.outcomes import Outcome


class Part(Protocol):
    """What is played instead of a body."""

    def begin(self) -> tuple[float, Outcome]:
        """Be called; return how many virtual seconds pass, and what comes of it then."""
        ...


def played(effect: Call, part: Part, clock: Clock) -> Call:
    """Return a call like this one, in which a part is played. It is played here, wherever the task runner is."""
    fn = _PLAYERS[effect.flavour](part, clock)
    call = effect.of(fn)
    call.runner = None
    return call


def _sync(part: Part, clock: Clock) -> Callable[..., Any]:
    def play(*args: Any, **kwargs: Any) -> Any:
        seconds, outcome = part.begin()
        if seconds:
            clock.sleep(seconds)
        return outcome.play(args, kwargs)

    return play


def _async(part: Part, clock: Clock) -> Callable[..., Any]:
    async def play(*args: Any, **kwargs: Any) -> Any:
        seconds, outcome = part.begin()
        if seconds:
            await asyncio.sleep(seconds)
        return await outcome.play_async(args, kwargs)

    return play


def _generator(part: Part, clock: Clock) -> Callable[..., Any]:
    def play(*args: Any, **kwargs: Any) -> Iterator[Any]:
        seconds, outcome = part.begin()
        if seconds:
            clock.sleep(seconds)
        return (yield from _items(outcome.play(args, kwargs)))

    return play


def _async_generator(part: Part, clock: Clock) -> Callable[..., Any]:
    return lambda *args, **kwargs: _AsyncPlay(part, args, kwargs)


class _AsyncPlay(AsyncGenerator[Any, Any]):
    """An async generator that passes on, once it has begun, to the one that its part turns out to be."""

    def __init__(self, part: Part, args: Any, kwargs: Any) -> None:
        self._part, self._args, self._kwargs = part, args, kwargs
        self._items: AsyncGenerator[Any, Any] | None = None

    async def _begun(self) -> AsyncGenerator[Any, Any]:
        if self._items is None:
            seconds, outcome = self._part.begin()
            if seconds:
                await asyncio.sleep(seconds)
            items = await outcome.play_async(self._args, self._kwargs)
            self._items = items if isinstance(items, AsyncGenerator) else _passed_on(items)
        return self._items

    async def asend(self, value: Any) -> Any:
        """Go on to the next item."""
        return await (await self._begun()).asend(value)

    async def athrow(self, *error: Any) -> Any:
        """Raise an error where it stands."""
        return await (await self._begun()).athrow(*error)

    async def aclose(self) -> None:
        """End it; what has not begun has nothing to clean up."""
        if self._items is not None:
            await self._items.aclose()


async def _passed_on(items: Any) -> AsyncGenerator[Any, Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in _items(items):
            yield item


def _items(value: Any) -> Iterable[Any]:
    if not isinstance(value, Iterable):
        raise StubError(
            f"A generator was stubbed with {value!r}: what stands in for its body gives what it is to yield. Write "
            "Returns([...]) for the same items at each call, or [[...], [...]] for those of one call after the other."
        )
    return value


_PLAYERS: dict[str, Callable[[Part, Clock], Callable[..., Any]]] = {
    "sync": _sync,
    "async": _async,
    "generator": _generator,
    "async generator": _async_generator,
}
