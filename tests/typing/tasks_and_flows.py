"""How type checkers see tasks and flows. Read by mypy in `test_typing.py`, and never run."""

from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, assert_type

from headrace import Flow, State, Task, flow, task
from headrace.futures import DistributedFuture, RunFuture, RunFutureList


@task
def double(x: int) -> int:
    return 2 * x


@task(name="Named", retries=2)
async def fetch(url: str, *, timeout: float = 1.0) -> bytes:
    return url.encode()


@task
def numbers(to: int) -> Generator[int, None, None]:
    yield from range(to)


@task
async def ticks(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        yield number


@flow
def report(day: str, *, loud: bool = False) -> list[int]:
    assert_type(double(1), int)
    assert_type(double(1, return_state=True), State)
    assert_type(double(1, wait_for=[]), int)
    assert_type(double.submit(1), RunFuture[int])
    assert_type(double.submit(1).result(), int)
    assert_type(double.submit(1, wait_for=[double.submit(2)]), RunFuture[int])
    assert_type(double.submit(1, return_state=True), State)
    assert_type(double.map([1, 2]), RunFutureList[int])
    assert_type(double.map([1, 2]).result(), list[int])
    assert_type(double.map([1, 2], return_state=True), list[State])
    assert_type(double.with_options(retries=3).submit(x=1).result(), int)
    assert_type(fetch.submit("a").result(), bytes)
    assert_type(fetch.map(["a"]).result(), list[bytes])
    assert_type(fetch.submit("a", wait_for=[]), RunFuture[bytes])
    assert_type(numbers(3), Generator[int, None, None])
    assert_type(numbers.submit(3).result(), list[int])
    assert_type(ticks.submit(3).result(), list[int])
    assert_type(double.delay(1), DistributedFuture[int])
    assert_type(fetch.delay("a", timeout=2.0).result(), bytes)
    assert_type(numbers.delay(3).result(), list[int])
    assert_type(ticks.delay(3).result(), list[int])
    assert_type(double.apply_async((1,)).result(), int)
    assert_type(fetch.apply_async(kwargs={"url": "a"}).result(), bytes)
    return [1]


@flow(name="Async", log_prints=True)
async def gather(count: int) -> str:
    assert_type(await fetch("a"), bytes)
    assert_type(await fetch("a", timeout=2), bytes)
    assert_type(await fetch("a", return_state=True), State)
    assert_type(await fetch.submit("a"), bytes)
    async for number in ticks(3):
        assert_type(number, int)
    return "done"


@flow
def anything() -> Any:
    assert_type(anything(return_state=True), State)
    return 3


@flow
async def anything_async() -> Any:
    assert_type(await anything_async(return_state=True), State)
    return 3


class Model:
    @task
    def predict(self, x: float) -> str:
        return f"{self}{x}"

    @flow
    def train(self, steps: int) -> float:
        assert_type(self.predict(1.0), str)
        assert_type(self.predict.submit(2.0), RunFuture[str])
        return 0.5 * steps

    @staticmethod
    @task
    def helper(x: int) -> bytes:
        return bytes(x)


takes_an_int: Task[[int], int] = double
assert_type(report("monday"), list[int])
assert_type(report("monday", loud=True), list[int])
assert_type(report("monday", return_state=True), State)
assert_type(report.with_options(retries=1)("monday"), list[int])


async def gathered() -> None:
    coroutine: Coroutine[Any, Any, str] = gather(3)
    assert_type(await coroutine, str)
    assert_type(await gather(3, return_state=True), State)


assert_type(Model().train(3), float)
assert_type(Model.helper(3), bytes)


def takes_any_flow(given: Flow[..., Any]) -> str:
    return given.name


takes_any_flow(report)
takes_any_flow(gather)
