"""Prints 2,000 made-up genes, each a line: a start codon, others that are more or less frequent, a stop codon."""

import random

CODONS = ["GCT", "GAA", "AAA", "CTG", "GGT", "ATC", "GTT", "AAC", "TTC", "CGT"]

chance = random.Random(1)
for _ in range(2000):
    middle = chance.choices(CODONS, weights=range(10, 0, -1), k=chance.randint(20, 60))
    print("ATG" + "".join(middle) + chance.choice(["TAA", "TGA"]))
