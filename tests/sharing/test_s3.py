"""The same on S3, spoken by moto's server on this machine."""

from __future__ import annotations

import threading

import boto3
import pytest

from seqgen.core.errors import DamagedModelError, ModelExistsError, ModelNotFoundError, RemoteError
from seqgen.registry import ModelVersion
from seqgen.sharing.exchange import pull, push
from seqgen.sharing.remote import CLAIM, Remote

from .conftest import files_of, write_model

pytestmark = pytest.mark.slow  # each connection of s3fs reads a description of all of Amazon's services


def quiet(done, total):
    """Progress that nobody looks at."""


def objects(url):
    """What lies in the bucket, as Amazon's own client sees it."""
    bucket = url.split("/")[2]
    found = boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: each["Size"] for each in found}


def test_what_is_pushed_is_pulled_as_it_was(saved, s3_url, registry):
    through = []
    pushed = push(saved, s3_url, progress=lambda *counts: through.append(counts), as_="novel:3")
    assert (pushed.where, pushed.new) == (f"{s3_url}/novel/3", True)
    assert objects(s3_url) == {
        f"models/novel/3/{name}": len(content) for name, content in files_of(saved.folder).items()
    }
    assert through[-1][0] == through[-1][1] > 0
    assert not push(saved, s3_url, progress=quiet, as_="novel:3").new
    arrival = pull(s3_url, "novel", registry, progress=quiet)
    assert str(arrival.version) == "novel:3"
    assert files_of(arrival.version.folder) == files_of(saved.folder)


def test_of_several_that_push_at_once_one_wins_and_nothing_is_mixed(s3_url, registry, tmp_path):
    models = [ModelVersion("novel", 1, write_model(tmp_path / str(n), seed=n)).open() for n in range(4)]
    outcomes = {}
    start = threading.Barrier(len(models))

    def attempt(number):
        start.wait()
        try:
            outcomes[number] = push(models[number], s3_url, progress=quiet).new
        except ModelExistsError as error:
            outcomes[number] = str(error)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number, outcome in outcomes.items() if outcome is True]
    assert all("another model" in outcome for number, outcome in outcomes.items() if number != winner)
    assert files_of(pull(s3_url, "novel", registry, progress=quiet).version.folder) == files_of(models[winner].folder)


def test_half_a_push_is_no_model_and_goes_on(saved, s3_url, registry, monkeypatch):
    import s3fs

    whole = s3fs.S3FileSystem.put_file
    written = []

    def failing(self, here, there, **options):
        if len(written) == 2:
            raise ConnectionResetError("the line is cut")
        written.append(there)
        return whole(self, here, there, **options)

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "put_file", failing)
        with pytest.raises(RemoteError, match="the line is cut"):
            push(saved, s3_url, progress=quiet)
    assert len(objects(s3_url)) == 3
    assert f"models/novel/1/{CLAIM}" in objects(s3_url)
    with pytest.raises(ModelNotFoundError, match="It has none"):
        pull(s3_url, "novel", registry, progress=quiet)
    assert push(saved, s3_url, progress=quiet).new
    assert pull(s3_url, "novel", registry, progress=quiet).new


def test_bytes_that_are_not_those_of_the_manifest_are_not_published(saved, s3_url, registry):
    push(saved, s3_url, progress=quiet)
    place = Remote.at(s3_url).place / "novel" / "1" / "model.safetensors"
    content = (saved.folder / "model.safetensors").read_bytes()
    place.files.pipe_file(place.path, content[:-1] + b"x")
    with pytest.raises(DamagedModelError, match="model.safetensors: its bytes are not those of the manifest"):
        pull(s3_url, "novel", registry, progress=quiet)
    assert list(registry.all()) == []


def test_a_bucket_that_is_not_there_is_not_made_and_no_secret_is_shown(saved, s3_url, monkeypatch):
    with pytest.raises(
        RemoteError, match=r"s3://no-such-bucket/models/novel/1/.claim.json cannot be written: "
    ) as raised:
        push(saved, "s3://no-such-bucket/models", progress=quiet)
    assert "no-such-bucket" not in [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]]
    assert "wJalrXUtnFEMI" not in str(raised.value)
