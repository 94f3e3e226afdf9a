"""The API under /api: requests, answers, and the routes that make the second of the first."""
