"""A model's own tokenizer and chat template: what a request costs, and what the model is given."""

from extauth.tokens.model import LanguageModel
from extauth.tokens.template import ChatTemplate
from extauth.tokens.tokenizer import Tokenizer

__all__ = ["ChatTemplate", "LanguageModel", "Tokenizer"]
