"""Entry point of Triton's Python backend."""

from sluice_triton.chat import TritonPythonModel

__all__ = ["TritonPythonModel"]
