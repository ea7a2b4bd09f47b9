from seqgen_dna.tokenizer import DnaTokenizer  # type: ignore[import-not-found]


def test_a_frequent_codon_is_one_token() -> None:
    tokenizer = DnaTokenizer(pairs=1).fit(["ATGATG"])
    assert tokenizer.tokens == ("", "ATG", "A", "G", "T")
    assert tokenizer.encode("ATGA").tolist() == [1, 2]
