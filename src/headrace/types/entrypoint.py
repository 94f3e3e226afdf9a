"""How the place of a flow is written."""

from enum import Enum

__all__ = ["EntrypointType"]


class EntrypointType(Enum):
    """As ``path/to/file.py:flow``, or as ``package.module.flow``; `load_flow_from_entrypoint` takes both."""

    FILE_PATH = "file_path"
    MODULE_PATH = "module_path"
