"""Train the byte-level BPE tokenizer of all demo models: any text in, the same text out."""

from __future__ import annotations

import sys

from corpus import SPECIAL_TOKENS, TRITON, Corpus
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 2048
DOCUMENTS = 6000


def main() -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    corpus = Corpus(seed=1)
    tokenizer.train_from_iterator((corpus.document() for _ in range(DOCUMENTS)), trainer)
    tokenizer.save(str(TRITON / "models" / "chat" / "tokenizer.json"))
    sys.stdout.write(f"{tokenizer.get_vocab_size()} tokens\n")


if __name__ == "__main__":
    main()
