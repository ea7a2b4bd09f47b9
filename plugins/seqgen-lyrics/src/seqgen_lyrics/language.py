"""Whether the words that a model writes are words of CMUdict: if not, it is not steered by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from seqgen.core.sampler import Ahead
from seqgen_lyrics.beam import log_softmax
from seqgen_lyrics.sounds import is_known, is_little
from seqgen_lyrics.vocabulary import Vocabulary, is_letter

_KNOWN = 0.8
"""The share of words that CMUdict knows, from which on they are taken for English.

Of English songs it knows 99 %, of a model of letters that was trained on them for three minutes 96 %, after half a minute 73 %;
of German verse, and of models of it, 64 to 70 %, since it has many names.  Of older English verse and prose it knows 95 to 99 %, and
of 29 other languages, by the lists of wordfreq 3.1, 60 % at most.
"""
_LITTLE = 0.1
"""The share of the little words of English, from which on words are: 18 to 51 % in English, of poor models too; 2 % in
German, and 5 % at most in those other languages."""
COMMONEST = 100
"""Words of a vocabulary of which the same shares tell: in English 100 % known and 28 to 41 % little, in the others at most 75 and 6 %."""
_REPEATED = 0.85  # the share of different words among all, from which on they are letters at random and no language
_FEWEST = 10  # words that tell anything
_TEXTS = 16
_TOKENS = 48
_GOLDEN = 0.6180339887498949  # its multiples are spread evenly over 0 to 1 (Weyl 1916)
_SHARPER = 2  # half the temperature


def is_foreign(words: Iterable[str]) -> bool:
    """Whether words, enough of them to tell, are those of a language that CMUdict lacks.

    Args:
        words: of running text, with repetitions, or a table of how often each comes.  Of a vocabulary, each word once, only
            the :data:`COMMONEST` tell: all together they have few little words in any language, and many names.
    """
    counts = Counter(words)
    for letter in [word for word in counts if len(word) == 1]:
        del counts[letter]  # of Hungarian every tenth word is "a"
    total = counts.total()
    if total < _FEWEST:
        return False
    known = sum(count for word, count in counts.items() if is_known(word))
    little = sum(count for word, count in counts.items() if is_little(word))
    return known < _KNOWN * total and little < _LITTLE * total


def written_words(ahead: Ahead, row: int, vocabulary: Vocabulary) -> list[str]:
    """Words that a model writes after a text, whole ones, with repetitions: the same at each call; none where it knows none.

    Draws are spread evenly in place of random ones.  A model that hardly ever writes a word twice writes letters.
    """
    texts = [""] * _TEXTS
    here, rows = ahead, np.full(_TEXTS, row)
    for step in range(_TOKENS):
        known = log_softmax(here.logits[rows]) * _SHARPER
        weights = np.exp(known - known.max(axis=1, keepdims=True))
        if vocabulary.end_id is not None:
            weights[:, vocabulary.end_id] = 0
        cumulative = np.cumsum(weights, axis=1)
        numbers = ((np.arange(_TEXTS) + 0.5) / _TEXTS + step * _GOLDEN) % 1
        ids = (cumulative > numbers[:, None] * cumulative[:, -1:]).argmax(axis=1)
        texts = [text + vocabulary.texts[token] for text, token in zip(texts, ids.tolist(), strict=True)]
        here, rows = here.after(rows, ids), np.arange(_TEXTS)
    words = [word for text in texts for word in words_of(text)[:-1]]
    return words if len(set(words)) < _REPEATED * len(words) else []


def words_of(text: str) -> list[str]:
    """The words of a text of more than one letter, headings left out."""
    lines = (line for line in text.split("\n") if not line.startswith("["))
    parts = "".join(letter if is_letter(letter) else " " for letter in "\n".join(lines)).split()
    return [word for word in parts if len(word) > 1]
