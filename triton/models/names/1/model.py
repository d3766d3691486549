"""Entry point of Triton's Python backend."""

from sluice_triton.tokens import TritonPythonModel

__all__ = ["TritonPythonModel"]
