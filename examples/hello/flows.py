"""A task with a run name of its own, and a flow whose prints are kept.

Try it:

    python examples/hello/flows.py
    headrace run examples/hello/flows.py:my_flow
"""

import datetime

from headrace import flow, task


@task(
    name="My Example Task",
    description="An example task for a tutorial.",
    task_run_name="hello-{name}-on-{date:%A}",
)
def my_task(name, date):
    pass


@flow
def my_flow():
    # creates a run with a name like "hello-marvin-on-Thursday"
    my_task(name="marvin", date=datetime.datetime.now(datetime.timezone.utc))


@flow(name="My Flow", description="My flow with a name and description", log_prints=True)
def my_other_flow():
    print("Hello, I'm a flow")


if __name__ == "__main__":
    my_flow()
    my_other_flow()
