"""Make every page a test."""

from blocks import pages

pytest_collect_file = pages()
