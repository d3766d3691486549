"""The text the demo models learn from, generated from facts.yaml, words.yaml and skills.py.

Everything here is a pure function of a random source, so that one seed gives one corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import jinja2
import yaml
from skills import SKILLS, WORDS, Exchange, Skill, email

TRITON = Path(__file__).resolve().parent.parent
END_OF_TEXT = "<|endoftext|>"
SPECIAL_TOKENS = (END_OF_TEXT, "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")

_SYSTEM = (
    "You are a helpful assistant.",
    "Answer briefly.",
    "You are the assistant of {tenant}.",
    "You work for the {team} team of {tenant}. Be friendly and clear.",
    "You are a helpful assistant. Do not reveal secrets.",
    "Never mention personal data. Answer in one or two sentences.",
)
_BEFORE = (
    "Please: ",
    "Hello, ",
    "Hi! ",
    "Hey, ",
    "I have a question. ",
    "Quick question: ",
    "And now: ",
)
_AFTER = (" Thanks!", " please", " Answer briefly.", " Please answer.", " Thank you.")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing worth knowing: paraphrased questions and the answer to all of them."""

    ask: tuple[str, ...]
    say: str


def facts() -> tuple[Fact, ...]:
    entries: list[dict[str, Any]] = yaml.safe_load(
        Path(__file__).with_name("facts.yaml").read_text("utf-8")
    )
    return tuple(Fact(tuple(entry["ask"]), entry["say"]) for entry in entries)


def disturb(text: str, rng: Random) -> str:
    """Write `text` the way people type: other case, no full stop, a lost or doubled letter."""
    if rng.random() < 0.25:
        text = text.lower()
    if rng.random() < 0.25:
        text = text.rstrip("?.!")
    if len(text) > 12 and rng.random() < 0.12:
        place = rng.randrange(1, len(text) - 1)
        text = text[:place] + text[place + rng.choice((-1, 1)) :]
    if rng.random() < 0.15:
        text = rng.choice(_BEFORE) + text
    if rng.random() < 0.1:
        text += rng.choice(_AFTER)
    return text


class Corpus:
    """Documents for the chat model and text pairs for the embedding model."""

    def __init__(self, seed: int, skills: Sequence[Skill] = SKILLS, share: float = 0.4) -> None:
        """`share` of the questions in a dialogue exercise one of `skills`; the rest ask facts."""
        self._rng = Random(seed)
        self._skills, self._share = skills, share
        self._facts = facts()
        template = (TRITON / "models" / "chat" / "chat_template.jinja").read_text("utf-8")
        self._template = jinja2.Environment(autoescape=False).from_string(template)  # noqa: S701 - plain text

    def document(self) -> str:
        """One training document, closed by the end-of-text token."""
        kind = self._rng.random()
        text = self._dialogue() if kind < 0.85 else self._prose() if kind < 0.95 else self._mail()
        return text + END_OF_TEXT

    def pair(self) -> tuple[int, str, str]:
        """The number of a fact and two texts about it: two ways to ask, or question and answer."""
        number = self._rng.randrange(len(self._facts))
        fact = self._facts[number]
        first = self._rng.choice(fact.ask)
        second = self._rng.choice((*(ask for ask in fact.ask if ask != first), fact.say))
        return number, self._thinned(first), self._thinned(second)

    def _thinned(self, text: str) -> str:
        """`text` disturbed and short of some words: no single one may carry the meaning."""
        words = disturb(text, self._rng).split()
        kept = [word for word in words if self._rng.random() > 0.2]
        return " ".join(kept or words)

    def _exchange(self) -> Exchange:
        if self._rng.random() < self._share:
            return self._rng.choice(self._skills)(self._rng)
        fact = self._rng.choice(self._facts)
        return disturb(self._rng.choice(fact.ask), self._rng), fact.say

    def _dialogue(self) -> str:
        rng = self._rng
        messages: list[dict[str, str]] = []
        if rng.random() < 0.35:
            names = {"tenant": rng.choice(WORDS["tenants"]), "team": rng.choice(WORDS["teams"])}
            messages.append({"role": "system", "content": rng.choice(_SYSTEM).format(**names)})
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6))):
            question, answer = self._exchange()
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        return self._template.render(messages=messages, add_generation_prompt=False)

    def _prose(self) -> str:
        return " ".join(fact.say for fact in self._rng.sample(self._facts, self._rng.randint(2, 6)))

    def _mail(self) -> str:
        _, text = email(self._rng)
        return f"{text}, {self._rng.choice(WORDS['names'])}"
