"""A script that is killed at its work: flows within flows, down to a task that says when it has begun."""

FLOWS = """
import time
from headrace import flow, task

@task
def work():
    print("begun", flush=True)
    time.sleep(60)

@flow
def quick(): ...

@flow
def inner():
    work.submit().result()

@flow
def outer():
    inner()
"""
