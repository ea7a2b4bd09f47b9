"""In a notebook: training shows its progress in the cell, and the model that comes back generates."""

from __future__ import annotations

import os

import nbclient
import nbformat
import pytest

pytestmark = [
    pytest.mark.slow,  # a kernel that imports a framework
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),  # of jupyter_client and zmq
]

TRAIN = """
import seqgen
model = seqgen.train("novel.txt", backend="torch", hidden_size=16, embedding_size=8, seq_len=16, batch_size=4, max_steps=30)
"""


@pytest.fixture
def run(corpus, seqgen_home):
    """The cells of a notebook as a real kernel executed them, in the folder of the corpus."""

    def execute(*cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        client = nbclient.NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(corpus.parent)}}
        )
        client.execute(env=dict(os.environ))
        return notebook.cells

    return execute


def test_a_notebook_trains_with_progress_in_its_cell_and_generates(run):
    train, generate, stream, score = run(
        TRAIN,
        "print(model.generate('the ice', length=20, random_seed=1))",
        "''.join(seqgen.load('novel@best').stream('the ice', length=20, random_seed=1))",
        "model.score('novel.txt').bits_per_character",
    )
    (progress,) = train.outputs  # one output, that was updated in place
    assert progress.output_type == "display_data"
    text = progress.data["text/plain"]
    assert "corpus   5,400 training tokens" in text
    assert "model    novel: lstm 1 x 16" in text
    assert "100%  step 30" in text
    assert "validation" in text
    assert "\x1b" not in text
    (written,) = generate.outputs
    assert (written.name, len(written.text)) == ("stdout", 21)
    (streamed,) = stream.outputs
    assert streamed.data["text/plain"] == repr(written.text.removesuffix("\n"))
    assert 1 < float(score.outputs[0].data["text/plain"]) < 7


def test_a_mistake_in_a_notebook_is_the_error_of_its_cell(run):
    with pytest.raises(nbclient.exceptions.CellExecutionError, match='No tokenizer "chr".  Nearest: char.'):
        run("import seqgen\nseqgen.train('novel.txt', tokenizer='chr')")
