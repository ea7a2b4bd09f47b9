"""What a Q: field says."""

from __future__ import annotations

import pytest

from seqgen_music.abc.metre import WHOLE
from seqgen_music.abc.tempo import quarters_a_minute


@pytest.mark.parametrize(
    ("text", "quarters"),
    [
        ("1/4=90", 90),
        ("3/8=120", 180),
        ("1/2 = 60", 120),
        ("1/4 3/8 1/4 3/8=40", 200),
        ("1=30", 120),
        ("1/4=66.5", 66.5),
        ('"Allegro 4" 1/4=120', 120),
        ('3/8=50 "Slowly"', 75),
        ("Allegro 1/4=120", 120),
        ("90", 45),  # of the unit, here an eighth
        ("C=90", 45),
        ("C3=40", 60),
        ("90 lively", 45),
        ("", None),
        ('"Andante"', None),
        ("Andante 2", None),
        ("1/4", None),
        ("1/0=90", None),
        ("1/4=0", None),
    ],
)
def test_a_tempo_is_so_many_quarter_notes_a_minute(text, quarters):
    assert quarters_a_minute(text, WHOLE // 8) == quarters
