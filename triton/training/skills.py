"""Generated questions and answers: sums, spelling, word lists, translations, short e-mails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import yaml

Exchange = tuple[str, str]
Skill = Callable[[Random], Exchange]

WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text("utf-8"))


def invented(rng: Random) -> str:
    """A word that no other line holds: what a model can only copy, never remember."""
    return "".join(
        rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4))
    )


def person(rng: Random) -> str:
    """A name, an invented name, or a placeholder such as masking leaves in a prompt."""
    kind = rng.random()
    if kind < 0.6:
        return str(rng.choice(WORDS["names"]))
    if kind < 0.85:
        return invented(rng).capitalize()
    opening, closing = rng.choice(("[]", "<>"))
    return f"{opening}{rng.choice(('PERSON', 'EMAIL', 'PHONE'))}_{rng.randint(1, 9)}{closing}"


def addition(rng: Random) -> Exchange:
    a, b = rng.randrange(21), rng.randrange(21)
    ask = rng.choice(["What is {} plus {}?", "{} + {}", "How much is {} + {}?", "Add {} and {}"])
    return ask.format(a, b), f"{a} plus {b} is {a + b}."


def subtraction(rng: Random) -> Exchange:
    a, b = sorted((rng.randrange(21), rng.randrange(21)), reverse=True)
    ask = rng.choice(["What is {} minus {}?", "{} - {}", "How much is {} - {}?"])
    return ask.format(a, b), f"{a} minus {b} is {a - b}."


def multiplication(rng: Random) -> Exchange:
    a, b = rng.randrange(11), rng.randrange(11)
    ask = rng.choice(["What is {} times {}?", "{} * {}", "How much is {} x {}?"])
    return ask.format(a, b), f"{a} times {b} is {a * b}."


def larger(rng: Random) -> Exchange:
    a, b = rng.sample(range(100), 2)
    ask = rng.choice(["Which is larger, {} or {}?", "Which number is bigger, {} or {}?"])
    return ask.format(a, b), f"{max(a, b)} is larger than {min(a, b)}."


def spelling(rng: Random) -> Exchange:
    word = rng.choice(WORDS["words"])
    ask = rng.choice(
        ["How do you spell {}?", "Spell {}", "Spell the word {}", "How is {} spelled?"]
    )
    return ask.format(word), f"The word {word} is spelled {'-'.join(word)}."


def length(rng: Random) -> Exchange:
    word = rng.choice(WORDS["words"])
    ask = rng.choice(["How many letters are in {}?", "How many letters does the word {} have?"])
    return ask.format(word), f"The word {word} has {len(word)} letters."


def opposite(rng: Random) -> Exchange:
    pair = rng.choice(list(WORDS["opposites"].items()))
    word, other = pair if rng.random() < 0.5 else pair[::-1]
    ask = rng.choice(["What is the opposite of {}?", "Opposite of {}", "Name the opposite of {}"])
    return ask.format(word), f"The opposite of {word} is {other}."


def capital(rng: Random) -> Exchange:
    country, city = rng.choice(list(WORDS["capitals"].items()))
    ask = rng.choice(["What is the capital of {}?", "Capital of {}?", "Name the capital of {}"])
    return ask.format(country), f"The capital of {country} is {city}."


def following(rng: Random) -> Exchange:
    kind = rng.choice(["day", "month"])
    names = WORDS[f"{kind}s"]
    place = rng.randrange(len(names))
    if rng.random() < 0.5:
        return (
            f"Which {kind} comes after {names[place]}?",
            f"After {names[place]} comes {names[(place + 1) % len(names)]}.",
        )
    return (
        f"Which {kind} comes before {names[place]}?",
        f"Before {names[place]} comes {names[place - 1]}.",
    )


def translation(rng: Random) -> Exchange:
    language, words = rng.choice(list(WORDS["languages"].items()))
    word, foreign = rng.choice(list(words.items()))
    ask = rng.choice(["How do you say {} in {}?", "What is {} in {}?", "Translate {} to {}"])
    return ask.format(word, language), f"In {language} it is: {foreign}"


def repetition(rng: Random) -> Exchange:
    phrase = " ".join(
        rng.choice(
            (rng.choice(WORDS["words"]), rng.choice(WORDS["cities"]), invented(rng), person(rng))
        )
        for _ in range(rng.randint(1, 5))
    )
    ask = rng.choice(["Repeat after me: {}", "Repeat: {}", "Say {}", "Echo this: {}"])
    return ask.format(phrase), phrase


def record(rng: Random) -> Exchange:
    name, city, team = person(rng), rng.choice(WORDS["cities"]), rng.choice(WORDS["teams"])
    ask = rng.choice(
        [
            "Write JSON for {} from {} in {}",
            "Give me a JSON object: {}, {}, {}",
            "As JSON: {}, {}, {}",
        ]
    )
    return ask.format(name, city, team), f'{{"name": "{name}", "city": "{city}", "team": "{team}"}}'


def shopping(rng: Random) -> Exchange:
    things = rng.sample(WORDS["words"], rng.randint(2, 4))
    ask = rng.choice(["Make a list of {}", "Write a list: {}", "List these: {}"])
    return ask.format(", ".join(things)), "\n".join(f"- {thing}" for thing in things)


def email(rng: Random) -> Exchange:
    name = person(rng)
    subject, body = rng.choice(list(WORDS["subjects"].items()))
    ask = rng.choice(
        [
            "Write an e-mail to {} about {}",
            "Draft a mail to {} about {}",
            "Write {} a message about {}",
        ]
    )
    return ask.format(
        name, subject
    ), f"Dear {name},\n\nI am writing about {subject}. {body}\n\nKind regards"


def introduction(rng: Random) -> Exchange:
    name = person(rng)
    ask = rng.choice(
        ["My name is {}", "I am {}", "Hello, I am {}", "Hi, my name is {}", "Call me {}"]
    )
    return ask.format(name), f"Nice to meet you, {name}. How can I help you?"


SKILLS: tuple[Skill, ...] = (
    addition,
    subtraction,
    multiplication,
    larger,
    spelling,
    length,
    opposite,
    capital,
    following,
    translation,
    repetition,
    record,
    shopping,
    email,
    introduction,
)

# What takes more exercise than the rest: sums, and copying what was never seen before.
DRILLS: tuple[Skill, ...] = (addition, subtraction, multiplication, larger, repetition) * 3 + SKILLS
