"""A tune in other keys is no other tune: all its variants are held out, or none."""

from __future__ import annotations

from seqgen_music.abc.dataset import AbcDataset


def test_a_tune_in_all_keys_is_one_group(tmp_path):
    sources = AbcDataset.example(tmp_path, 500)
    documents = list(AbcDataset(sources=sources, transpose="all").documents())
    groups = {document.group for document in documents}
    assert len(groups) == len(list(AbcDataset(sources=sources).documents()))
    assert len(documents) > 6 * len(groups)
    assert all(document.id.startswith(document.group) for document in documents)
