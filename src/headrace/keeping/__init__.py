"""How results are kept: records of them as bytes, the storages they go to, the most recent ones at hand."""
