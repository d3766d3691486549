"""Entry point of Triton's Python backend."""

from sluice_triton.echo import TritonPythonModel

__all__ = ["TritonPythonModel"]
