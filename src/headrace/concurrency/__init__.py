"""Holding concurrency slots in user code: `headrace.concurrency.sync` and `headrace.concurrency.asyncio`."""
