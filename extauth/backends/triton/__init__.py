"""Triton Inference Server over HTTP: its generate extension, and the tensors of KServe v2."""

from extauth.backends.triton.backend import TritonBackend
from extauth.backends.triton.request import triton_path

__all__ = ["TritonBackend", "triton_path"]
