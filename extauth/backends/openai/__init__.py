"""Any server that speaks the OpenAI API: OpenAI's own, vLLM, llama.cpp, a gateway of somebody."""

from extauth.backends.openai.backend import OpenAIBackend

__all__ = ["OpenAIBackend"]
