"""A model's tokenizer.json: text to token ids, and token ids to the bytes they stand for."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer


def _byte_of_character() -> dict[str, int]:
    """Byte-level BPE writes each byte as a printable character; this is the way back (GPT-2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + place): byte for place, byte in enumerate(others)}


class Vocabulary:
    """Safe to share between threads: nothing changes after construction."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        table = _byte_of_character()
        special = {
            token: added.content
            for token, added in self._tokenizer.get_added_tokens_decoder().items()
        }
        self.specials: dict[str, int] = {text: token for token, text in special.items()}
        self._bytes = [b""] * self._tokenizer.get_vocab_size()
        for text, token in self._tokenizer.get_vocab().items():
            self._bytes[token] = (
                text.encode() if token in special else bytes(table[character] for character in text)
            )

    def encode(self, text: str) -> list[int]:
        """The ids of `text`; special tokens written out in it are parsed as special tokens."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def bytes_of(self, token: int) -> bytes:
        """The bytes that `token` adds to a text; not always whole characters."""
        return self._bytes[token]
