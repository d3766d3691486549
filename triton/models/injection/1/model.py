"""Entry point of Triton's Python backend."""

from sluice_triton.classes import TritonPythonModel

__all__ = ["TritonPythonModel"]
