"""The server: an HTTP API over a run store, in the manner of Prefect's, and pages for people."""
