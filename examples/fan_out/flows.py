"""The same work in several processes: count the primes below a number, a stretch at a time.

Try it:

    python examples/fan_out/flows.py
    headrace run examples/fan_out/flows.py:count_primes -p below=1000000 -p stretch=100000
"""

from headrace import flow, task
from headrace.task_runners import ProcessPoolTaskRunner


@task(task_run_name="primes from {start} to {stop}")
def count_between(start: int, stop: int) -> int:
    """Count the primes in range(start, stop), slowly and surely."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(max(start, 2), stop))


@flow(task_runner=ProcessPoolTaskRunner(max_workers=2), log_prints=True)
def count_primes(below: int = 200_000, stretch: int = 50_000) -> int:
    starts = range(0, below, stretch)
    counts = count_between.map(starts, [min(start + stretch, below) for start in starts])
    total = sum(counts.result())
    print(f"There are {total} primes below {below}")
    return total


if __name__ == "__main__":  # worker processes import this file, and must not run the flow again
    count_primes()
