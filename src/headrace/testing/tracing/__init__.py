"""Traces of tests: what their worlds hold, put in order for a page (`headrace.pages.trace`)."""
