"""Triton Inference Server over HTTP: its generate extension, and the tensors of KServe v2."""

from extauth.backends.triton.backend import PARAMETERS, TritonBackend
from extauth.backends.triton.request import triton_path

__all__ = ["PARAMETERS", "TritonBackend", "triton_path"]
