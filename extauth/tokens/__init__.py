"""Tokenizers and chat templates: count a request's tokens, and write the model's prompt."""

from extauth.tokens.model import LanguageModel
from extauth.tokens.template import ChatTemplate
from extauth.tokens.tokenizer import Tokenizer

__all__ = ["ChatTemplate", "LanguageModel", "Tokenizer"]
