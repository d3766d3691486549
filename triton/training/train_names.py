"""Train the `names` model on sentences that are made of names.yaml, and measure it."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HERE = Path(__file__).parent
MODEL = HERE.parent / "models/names/1/weights.npz"
sys.path.insert(0, str(HERE.parent / "runtime"))

from fitting import fit, quantised  # noqa: E402 - it imports the runtime
from sluice_triton.hashing import slots  # noqa: E402
from sluice_triton.tagger import Tagger  # noqa: E402
from sluice_triton.words import Word, features, words  # noqa: E402

SIZE = 1 << 16
COPIES = 60
SEED = 7
INVENTED = 0.35
"""Of the names, that nobody has."""

LABELS = ("O", "PER", "LOC")
_SLOT = re.compile(r"\{(P|F|L|C)\}")
_MARKED = re.compile(r"\{(person|place):([^}]*)\}")
_SYLLABLES = re.findall(
    r"\w+",
    "an be ca do el fa gri ha il jo ka lo mar ne or pe qui ra sol ta ur ve wen xa yo ze",
)

Text = tuple[str, list[tuple[int, int, str]]]


def invented(chance: random.Random) -> str:
    """A name that nobody has, so that the words around it have to tell."""
    return "".join(chance.choice(_SYLLABLES) for _ in range(chance.randint(2, 3))).capitalize()


def filled(sentence: str, language: dict[str, list[str]], chance: random.Random) -> Text:
    """A sentence with names, and where they stand."""
    text, spans, last = "", [], 0
    for match in _SLOT.finditer(sentence):
        text += sentence[last : match.start()]
        last = match.end()
        kind = match[1]
        if kind == "P":
            middle = f"{chance.choice('ABDEHJKLMRST')}. " if chance.random() < 0.1 else ""
            name = f"{_pick(language['first'], chance)} {middle}{_pick(language['last'], chance)}"
        else:
            name = _pick(language[{"F": "first", "L": "last", "C": "place"}[kind]], chance)
        spans.append((len(text), len(text) + len(name), "LOC" if kind == "C" else "PER"))
        text += name
    return text + sentence[last:], spans


def _pick(names: list[str], chance: random.Random) -> str:
    return invented(chance) if chance.random() < INVENTED else chance.choice(names)


def marked(sentence: str) -> Text:
    """A held-out sentence, and where its names stand."""
    text, spans, last = "", [], 0
    for match in _MARKED.finditer(sentence):
        text += sentence[last : match.start()]
        last = match.end()
        spans.append(
            (len(text), len(text) + len(match[2]), "PER" if match[1] == "person" else "LOC")
        )
        text += match[2]
    return text + sentence[last:], spans


def corpus(document: dict[str, Any], chance: random.Random) -> list[Text]:
    """Every sentence many times, alone and behind others."""
    texts: list[Text] = []
    for language in document["languages"].values():
        plain = language["plain"]
        for _ in range(COPIES):
            for sentence in language["sentences"]:
                text, spans = filled(sentence, language, chance)
                if chance.random() < 0.3:
                    ahead = chance.choice(plain) + " "
                    text = ahead + text
                    spans = [(a + len(ahead), b + len(ahead), label) for a, b, label in spans]
                texts.append((text, spans))
            texts += [(sentence, []) for sentence in plain]
    return texts


def targets(sequence: list[Word], spans: list[tuple[int, int, str]]) -> list[int]:
    """The label of each word."""
    return [
        next((LABELS.index(label) for a, b, label in spans if a <= word.start < b), 0)
        for word in sequence
    ]


def main() -> None:
    chance = random.Random(SEED)
    document = yaml.safe_load((HERE / "names.yaml").read_text("utf-8"))
    rows, wanted = [], []
    for text, spans in corpus(document, chance):
        sequence = words(text)
        rows += [slots(each, SIZE) for each in features(sequence)]
        wanted += targets(sequence, spans)
    print(f"{len(rows)} words")
    weights = fit(
        np.array(rows, np.int32),
        np.array(wanted, np.int32),
        size=SIZE,
        labels=len(LABELS),
        seed=SEED,
    )
    whole, scales = quantised(weights)
    MODEL.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(MODEL, weights=whole, scales=scales, labels=np.array(LABELS))
    print(f"{MODEL.stat().st_size} bytes")
    measure([marked(sentence) for sentence in document["held_out"]])


def measure(texts: list[Text]) -> None:
    """How many names of sentences that it never saw it finds whole, and how many it makes up."""
    tagger = Tagger(MODEL)
    right = told = there = 0
    for text, spans in texts:
        found = {(span.start, span.end, span.label) for span in tagger.tag(text)}
        right += len(found & set(spans))
        told += len(found)
        there += len(spans)
        for start, end, label in sorted(set(spans) ^ found):
            how = "missed" if (start, end, label) in spans else "made up"
            print(f"  {text[start:end]} {label} {how}: {text}")
    print(f"{right} of {there} names found whole, {told - right} made up")


if __name__ == "__main__":
    main()
