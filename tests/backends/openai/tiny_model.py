"""A language model of half a megabyte whose next token depends on the current token alone.

Its weights are made here, so that its answers are known: embeddings are the unit vectors, attention
and feed-forward add nothing, and the output matrix holds the log-probabilities of a table of word
pairs. Deterministic. For llama.cpp's server, in tests only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEMPLATE = (Path(__file__).parent / "tiny_template.jinja").read_text().rstrip("\n")

_SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_SPACE = "\u2581"
_MARKS = [
    *("<think>", "</think>", _SPACE, ".", ","),
    *("<tool_call>", "</tool_call>", "\n{", '"name": "'),
]
_WORDS = [
    *("The", "A", "Every", "gateway", "policy", "model", "tenant", "asks", "answers", "refuses"),
    *("allows", "the", "a", "request", "question", "budget", "twice", "politely", "today"),
    *("I", "must", "think", "about", "this", "so"),
]
_END, _STOP, _THOUGHT = "<|im_end|>", ".", "</think>"

# Under a grammar: what is open is closed, then digits and letters.
_CLOSING = {'"': -1, "}": -1.2, "]": -1.3, ":": -1.4, ",": -3, "{": -2, "[": -3, "\n": -6, " ": -9}
_VERBS = {"asks": 0.35, "answers": 0.3, "allows": 0.2, "refuses": 0.15}
_NOUNS = {"gateway": 0.4, "policy": 0.25, "model": 0.2, "tenant": 0.1, "request": 0.05}
_OBJECTS = {"request": 0.4, "question": 0.3, "budget": 0.2, "model": 0.1}
_ENDINGS = {"twice": 0.3, "politely": 0.3, "today": 0.2, _STOP: 0.2}
_ARTICLES = {"the": 0.6, "a": 0.4}
_LAST = {_STOP: 1.0}
PAIRS: dict[str, dict[str, float]] = {
    "\n": {"The": 0.5, "A": 0.3, "Every": 0.2},
    **dict.fromkeys(("The", "A", "Every"), _NOUNS),
    **dict.fromkeys(("the", "a"), _OBJECTS),
    **dict.fromkeys(("gateway", "policy", "model", "tenant"), _VERBS),
    **dict.fromkeys(_VERBS, _ARTICLES),
    **dict.fromkeys(("request", "question", "budget"), _ENDINGS),
    **dict.fromkeys(("twice", "politely", "today"), _LAST),
    _STOP: {_END: 0.96, "The": 0.02, "Every": 0.01},
    "<think>": {"I": 1.0},
    "I": {"must": 1.0},
    "must": {"think": 1.0},
    "think": {"about": 1.0},
    "about": {"this": 1.0},
    "this": {"so": 0.6, _THOUGHT: 0.4},
    "so": {_THOUGHT: 1.0},
    _THOUGHT: {"The": 0.6, "A": 0.4},
}

_HEAD = 8
_FEED_FORWARD = 32
_CONTEXT = 4096


def write_model(file: Path) -> None:
    """Write the model as GGUF."""
    tokens = [*_SPECIAL, *_BYTES, *_MARKS, *(_SPACE + word for word in _WORDS)]
    size = -(-len(tokens) // 32) * 32
    tokens += [f"<|unused{place}|>" for place in range(size - len(tokens))]
    writer = gguf.GGUFWriter(str(file), "llama")
    _describe(writer, tokens)
    _fill(writer, _logits(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _logits(tokens: list[str]) -> NDArray[np.float32]:
    """The log-probability of each next token, by the current one."""
    index = {token: place for place, token in enumerate(tokens)}

    def place(word: str) -> int:
        if len(word) == 1 and f"<0x{ord(word):02X}>" in index and word not in (".", "A", "a", "I"):
            return index[f"<0x{ord(word):02X}>"]
        return index.get(_SPACE + word, index.get(word, -1))

    logits = np.full((len(tokens), len(tokens)), -16.0, np.float32)
    end = index[_END]
    logits[:, end] = 0.0
    for char, value in _CLOSING.items():
        logits[:, place(char)] = value
    for order, char in enumerate("abcdefghijklmnopqrstuvwxyz_"):
        logits[:, index[f"<0x{ord(char):02X}>"]] = -2.5 - 0.01 * order
    for order, char in enumerate("0123456789"):
        logits[:, index[f"<0x{ord(char):02X}>"]] = -2.2 - 0.1 * order
    logits[:, index["<tool_call>"]] = logits[:, index["</tool_call>"]] = -2
    # A string is opened, filled with a few letters, and closed.
    for char in ":,{[":
        logits[place(char), place('"')] = 1.0
    for word, following in PAIRS.items():
        for other, share in following.items():
            logits[place(word), place(other)] = 8 + np.log(share)
        least = logits[place(word), end] if _END in following else -4.0
        logits[place(word), end] = max(least, -4.0)
    # What a grammar that refuses to end here (tool_choice: required) leaves as the best.
    logits[index["."], index["<tool_call>"]] = 8 + np.log(0.03)
    logits[index["<tool_call>"], index["\n{"]] = 8
    logits[index["\n{"], index['"name": "']] = 8
    return logits


def _describe(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    size = len(tokens)
    writer.add_name("tiny-pairs")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(size)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(_HEAD)
    writer.add_value_length(_HEAD)
    writer.add_rope_dimension_count(_HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0 if at < 5 else -float(at) for at in range(size)])
    writer.add_token_types([_type(at, token) for at, token in enumerate(tokens)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(tokens.index(_END))
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)


def _type(at: int, token: str) -> gguf.TokenType:
    if at < len(_SPECIAL):
        return gguf.TokenType.CONTROL if at else gguf.TokenType.UNKNOWN
    if token in _BYTES:
        return gguf.TokenType.BYTE
    if token in ("<think>", "</think>", "<tool_call>", "</tool_call>"):
        return gguf.TokenType.USER_DEFINED
    return gguf.TokenType.UNUSED if token.startswith("<|unused") else gguf.TokenType.NORMAL


def _fill(writer: gguf.GGUFWriter, logits: NDArray[np.float32]) -> None:
    size = len(logits)

    def add(name: str, values: NDArray[Any], kind: type[np.floating[Any]] = np.float16) -> None:
        writer.add_tensor(name, np.ascontiguousarray(values, kind))

    add("token_embd.weight", np.eye(size))
    add("output_norm.weight", np.full(size, size**-0.5), np.float32)
    add("output.weight", logits.T)
    add("blk.0.attn_norm.weight", np.ones(size), np.float32)
    add("blk.0.ffn_norm.weight", np.ones(size), np.float32)
    for name in ("attn_q", "attn_k", "attn_v"):
        add(f"blk.0.{name}.weight", np.zeros((_HEAD, size)))
    add("blk.0.attn_output.weight", np.zeros((size, _HEAD)))
    for name in ("ffn_gate", "ffn_up"):
        add(f"blk.0.{name}.weight", np.zeros((_FEED_FORWARD, size)))
    add("blk.0.ffn_down.weight", np.zeros((size, _FEED_FORWARD)))
