"""A corpus on S3, spoken by moto's server on this machine."""

from __future__ import annotations

import gzip
import json

import boto3
import pytest

from seqgen.core.errors import CorpusError, SeqgenWarning
from seqgen.core.files import find_sources

pytestmark = pytest.mark.slow  # each connection of s3fs reads a description of all of Amazon's services


@pytest.fixture
def put(s3_bucket):
    """Puts objects into the bucket, by Amazon's own client."""

    def put(**objects):
        for name, content in objects.items():
            boto3.client("s3").put_object(Bucket=s3_bucket.removeprefix("s3://"), Key=name, Body=content)

    return put


def text_of(url):
    return {source.name: "".join(source.text()) for source in find_sources([url])}


def test_files_folders_and_globs_are_found_and_read_compressed_or_not(s3_bucket, put):
    long = "The sea is wide.\n" * 400_000  # two blocks of s3fs
    put(
        **{
            "t/a.txt": long.encode(),
            "t/u/b.txt.gz": gzip.compress(b"ice"),
            "t/.hidden": b"x",
            "t/p.png": b"\0",
            "c.txt": b"c",
        }
    )
    assert text_of(f"{s3_bucket}/c.txt") == {f"{s3_bucket}/c.txt": "c"}
    with pytest.warns(SeqgenWarning, match=r"1 of 3 files is no text and is left out, the first: \S+/t/p\.png"):
        found = text_of(f"{s3_bucket}/t")
    assert found == {f"{s3_bucket}/t/a.txt": long, f"{s3_bucket}/t/u/b.txt.gz": "ice"}
    assert text_of(f"{s3_bucket}/t/*.txt") == {f"{s3_bucket}/t/a.txt": long}


def test_another_content_has_another_stamp(s3_bucket, put):
    def stamp():
        (source,) = find_sources([f"{s3_bucket}/a.txt"])
        return source.stamp()

    put(**{"a.txt": b"one"})
    first = stamp()
    assert first is not None
    assert stamp() == first
    put(**{"a.txt": b"two"})
    assert stamp() != first


def test_what_is_not_there_is_a_sentence_without_the_secret(s3_bucket):
    with pytest.raises(CorpusError, match=f"{s3_bucket}/none.txt does not exist"):
        find_sources([f"{s3_bucket}/none.txt"])
    with pytest.raises(CorpusError, match="s3://no-such-bucket/a.txt") as raised:
        find_sources(["s3://no-such-bucket/a.txt"])
    assert "wJalrXUtnFEMI" not in str(raised.value)


def test_a_model_is_trained_on_it_and_the_corpus_recognised_the_second_time(s3_bucket, put, seqgen_cli, seqgen_home):
    put(**{"t/a.txt": b"The sea is wide. " * 100, "t/b.txt": b"The ice is white. " * 100})
    options = ("--hidden-size", 8, "--embedding-size", 4, "--seq-len", 16, "--batch-size", 4, "--max-steps", 2)
    for version in (1, 2):
        outcome = seqgen_cli("train", f"{s3_bucket}/t", "--backend", "torch", "--name", "sea", *options)
        assert outcome.exit_code == 0, outcome.stderr
        manifest = json.loads((seqgen_home / f"models/sea/{version}/manifest.json").read_text())
        assert manifest["corpus"]["sources"] == [f"{s3_bucket}/t"]
        assert (manifest["corpus"]["documents"], manifest["corpus"]["characters"]) == (2, 3500)
    assert len([*(seqgen_home / "tokens").glob("[!.]*")]) == 1
