"""The rules, pure: no I/O, no clock, no threads, no asyncio."""
