"""Wrong calls, each refused by type checkers: mypy tells of every ignore that is not needed."""

from headrace import flow, task


@task
def double(x: int) -> int:
    return 2 * x


@flow
def report(day: str) -> int:
    double("one")  # type: ignore[call-overload]
    double()  # type: ignore[call-overload]
    double(y=1)  # type: ignore[call-overload]
    double.submit("one")  # type: ignore[call-overload]
    double.delay("one")  # type: ignore[arg-type]
    double.with_options(retires=3)  # type: ignore[call-arg]
    length: str = double.submit(1).result()  # type: ignore[assignment]
    return len(length)


report(1)  # type: ignore[call-overload]
task(retires=3)  # type: ignore[call-overload]
flow(task_runer=None)  # type: ignore[call-overload]
