"""Entry point of Triton's Python backend."""

from sluice_triton.embed import TritonPythonModel

__all__ = ["TritonPythonModel"]
