"""The stories: the life of a task run and of a flow run, each told once, for sync and async alike."""
