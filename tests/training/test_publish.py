"""A finished run becomes a model folder, or what it has is kept where that cannot be written."""

from __future__ import annotations

import gc
import tempfile
from functools import partial
from pathlib import Path

import pytest

from seqgen import api
from seqgen.core.catalog import load_catalog
from seqgen.core.errors import OutputError
from seqgen.registry import Registry
from seqgen.training.run import Run


def test_where_no_folder_at_all_can_be_written_the_last_checkpoint_is_named_all_the_same(start, monkeypatch):
    def full(*_, **__):
        raise OutputError("The disk is full.")

    def none(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    save = Run.save

    def only_the_first(run, trainer):
        if run.newest_step() is not None:
            full()
        save(run, trainer)

    monkeypatch.setattr(Run, "save", only_the_first)
    monkeypatch.setattr(Registry, "publish", full)
    monkeypatch.setattr(tempfile, "mkdtemp", none)
    with pytest.raises(OutputError) as error:
        start(max_steps=4, checkpoint_every=1e-6, ngram_order=0)
    assert str(error.value) == (
        "The disk is full.\nThe checkpoint of step 1 is kept.  Once it can be written: seqgen train --resume sea"
    )


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux says here what a process has mapped")
@pytest.mark.parametrize("ngram_order", [0, 3], ids=["alone", "mixed"])
def test_nothing_holds_the_files_of_a_model_when_its_folder_is_renamed(start, monkeypatch, ngram_order):
    publish, mapped, sampled = Registry.publish, [], []
    samples = partial(api.samples, load_catalog())

    def looked_at(registry, name, folder, **how):
        lines = Path("/proc/self/maps").read_text().splitlines()
        mapped.extend(line for line in lines if str(folder) in line)
        return publish(registry, name, folder, **how)

    def noted(folder, *, seconds):
        written = samples(folder, seconds=seconds)
        sampled.extend(written.texts)
        return written

    monkeypatch.setattr(Registry, "publish", looked_at)
    gc.disable()  # Windows renames no folder in which a file is mapped, and nobody knows when what is left is collected
    try:
        start(max_steps=4, ngram_order=ngram_order, samples=noted)
    finally:
        gc.enable()
    assert (len(sampled), mapped) == (3, [])
