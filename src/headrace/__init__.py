"""A workflow engine that you can test."""
