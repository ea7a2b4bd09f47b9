"""The Hugging Face Hub, as far as pushing and pulling use it, spoken by a server of this machine."""

from __future__ import annotations

import json
import sys
import threading

import pytest

from seqgen.core.errors import (
    DamagedModelError,
    MissingDependencyError,
    ModelExistsError,
    ModelNotFoundError,
    RemoteError,
    UsageError,
)
from seqgen.manifest import write_manifest
from seqgen.registry import ModelVersion
from seqgen.sharing.exchange import pull, push

from .conftest import files_of, write_model
from .hub_server import TOKEN, Commit, Hub, Repository

URL = "hf://ada/novel"

# Of huggingface_hub about its own call of httpx.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")


def quiet(done, total):
    """Progress that nobody looks at."""


@pytest.fixture
def hub(monkeypatch):
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

    server = Hub()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # which is another server's protocol, for the same bytes
    disable_progress_bars()
    yield server
    enable_progress_bars()
    server.shutdown()
    server.server_close()


def other(tmp_path, number):
    return ModelVersion("novel", 1, write_model(tmp_path / "other" / str(number), seed=number)).open()


def test_what_is_pushed_is_one_commit_with_a_tag_and_is_pulled_as_it_was(saved, hub, registry):
    told = []
    pushed = push(saved, URL, progress=lambda *bytes_: told.append(bytes_), as_="novel:3")
    assert told == []  # huggingface_hub shows a progress of its own
    assert (pushed.where, pushed.new) == ("hf://ada/novel@v3", True)
    repository = hub.repositories["ada/novel"]
    assert [commit.title for commit in repository.head.history()] == ["version 3", "initial commit"]
    assert (repository.tags["v3"], repository.private) == (repository.head, True)
    assert files_of(saved.folder).items() <= repository.head.files.items()
    for url in (URL, "hf://ada/novel@v3"):
        arrival = pull(url, None, registry, progress=quiet)
        assert str(arrival.version) == "novel:3"
    assert files_of(arrival.version.folder) == files_of(saved.folder)


def test_an_older_version_is_pulled_by_its_tag(saved, hub, registry, tmp_path):
    push(saved, URL, progress=quiet)
    push(other(tmp_path, 2), URL, progress=quiet, as_="novel:2")
    assert str(pull("hf://ada/novel@v1", None, registry, progress=quiet).version) == "novel:1"
    assert files_of(registry.find("novel:1").folder) == files_of(saved.folder)
    assert str(pull(URL, None, registry, progress=quiet, name="tale").version) == "tale:2"


def test_a_model_card_that_was_edited_on_the_hub_is_none_of_a_version(saved, hub, registry, tmp_path):
    push(saved, URL, progress=quiet)
    pushed = other(tmp_path, 2)
    push(pushed, URL, progress=quiet, as_="novel:3")
    repository = hub.repositories["ada/novel"]
    hub.commit(repository, "Update README.md", {**repository.head.files, "README.md": b"# novel, by Ada\n"})
    arrival = pull(URL, None, registry, progress=quiet)
    assert str(arrival.version) == "novel:3"
    assert files_of(arrival.version.folder) == files_of(pushed.folder)
    with pytest.raises(DamagedModelError, match=r"README.md: the file has 16 bytes, not the 8 of the manifest"):
        pull("hf://ada/novel@main", None, registry, progress=quiet, name="tale")


def test_what_was_uploaded_by_hand_is_pulled_as_it_is_now(saved, hub, registry):
    repository = hub.repositories["ada/novel"] = Repository(Commit("0" * 40, "initial commit", {}))
    hub.commit(repository, "Upload folder", files_of(saved.folder))
    assert files_of(pull(URL, None, registry, progress=quiet).version.folder) == files_of(saved.folder)


def test_another_name_than_that_of_the_repository_is_refused(saved, hub):
    expected = 'is "other:5", but hf://ada/novel is one model, called novel: --as novel:5, or push to another URL'
    with pytest.raises(UsageError, match=expected):
        push(saved, URL, progress=quiet, as_="other:5")
    assert hub.repositories == {}
    assert push(saved, "hf://ada/tale", progress=quiet).where == "hf://ada/tale@v1"  # which nobody named otherwise


def test_pushing_again_changes_nothing(saved, hub):
    push(saved, URL, progress=quiet)
    assert not push(saved, URL, progress=quiet).new
    assert len(list(hub.repositories["ada/novel"].head.history())) == 2


def test_another_model_of_the_same_version_is_told(saved, hub, tmp_path):
    push(saved, URL, progress=quiet)
    with pytest.raises(ModelExistsError, match="hf://ada/novel has another model as its version 1, .* --as novel:2"):
        push(other(tmp_path, 2), URL, progress=quiet)


def test_of_several_versions_the_one_after_the_last_is_offered(saved, hub, tmp_path):
    for number in (1, 2, 7):
        push(other(tmp_path, number), URL, progress=quiet, as_=f"novel:{number}")
    with pytest.raises(ModelExistsError, match="has another model as its version 1, .* --as novel:8"):
        push(saved, URL, progress=quiet)
    assert push(saved, URL, progress=quiet, as_="novel:8").new


def test_of_two_pushes_at_once_one_wins_and_the_other_is_told(saved, hub, tmp_path, registry):
    both = threading.Barrier(2, timeout=120)
    hub.between = both.wait  # both have looked, and neither has committed
    outcomes = {}

    def attempt(number, model):
        try:
            outcomes[number] = push(model, URL, progress=quiet).new
        except ModelExistsError as error:
            outcomes[number] = str(error)

    models = [saved, other(tmp_path, 2)]
    threads = [threading.Thread(target=attempt, args=each) for each in enumerate(models)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number, outcome in outcomes.items() if outcome is True]
    assert outcomes[1 - winner] == "Somebody else pushed to hf://ada/novel meanwhile.  Push again."
    assert files_of(pull(URL, None, registry, progress=quiet).version.folder) == files_of(models[winner].folder)


def test_a_push_that_broke_off_before_its_tag_goes_on(saved, hub):
    push(saved, URL, progress=quiet)
    hub.repositories["ada/novel"].tags.clear()
    assert not push(saved, URL, progress=quiet).new
    assert "v1" in hub.repositories["ada/novel"].tags


def test_what_was_uploaded_before_is_not_uploaded_again(saved, hub):
    push(saved, URL, progress=quiet)
    del hub.repositories["ada/novel"]
    hub.asked.clear()
    push(saved, URL, progress=quiet)
    assert not [request for request in hub.asked if request.startswith("PUT")]


def test_a_pull_that_breaks_off_goes_on(hub, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # as huggingface_hub does, for seconds, before it tries again
    saved = ModelVersion("novel", 1, write_model(tmp_path / "big", hidden_size=100)).open()
    push(saved, URL, progress=quiet)
    hub.cut = 2
    assert files_of(pull(URL, None, registry, progress=quiet).version.folder) == files_of(saved.folder)
    assert hub.cut == 0


def test_bytes_that_are_not_those_of_the_manifest_are_not_published(saved, hub, registry):
    push(saved, URL, progress=quiet)
    files = hub.repositories["ada/novel"].head.files
    files["model.safetensors"] = files["model.safetensors"][:-1] + b"x"
    with pytest.raises(
        DamagedModelError, match="hf://ada/novel/model.safetensors: its bytes are not those of the manifest"
    ):
        pull(URL, None, registry, progress=quiet)
    files["model.safetensors"] += b"x" * 10**6
    with pytest.raises(DamagedModelError, match="not the .* of the manifest; not fetched"):
        pull(URL, None, registry, progress=quiet)
    assert list(registry.all()) == []


def test_a_manifest_of_a_stranger_leads_nowhere(saved, hub, registry, tmp_path):
    push(saved, URL, progress=quiet)
    files = hub.repositories["ada/novel"].head.files
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["../../evil"] = {"sha256": "0" * 64, "bytes": 4}
    files["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(DamagedModelError, match='"../../evil" is not a file of this folder'):
        pull(URL, None, registry, progress=quiet)


def test_what_is_not_there_is_a_sentence(saved, hub, registry):
    with pytest.raises(
        ModelNotFoundError, match="There is no hf://ada/none, or it is not for you to see: hf auth login"
    ):
        pull("hf://ada/none", None, registry, progress=quiet)
    push(saved, URL, progress=quiet)
    with pytest.raises(ModelNotFoundError, match="There is no hf://ada/novel@v9"):
        pull("hf://ada/novel@v9", None, registry, progress=quiet)
    hub.repositories["ada/empty"] = Repository(Commit("0" * 40, "initial commit", {"README.md": b"#"}))
    with pytest.raises(ModelNotFoundError, match="There is no model at hf://ada/empty: manifest.json is missing"):
        pull("hf://ada/empty", None, registry, progress=quiet)


def test_a_token_that_is_not_taken_is_a_sentence_without_it(saved, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_SomebodyElsesToken")
    with pytest.raises(RemoteError, match="hf://ada/novel cannot be pushed to: .*401") as raised:
        push(saved, URL, progress=quiet)
    assert "SomebodyElses" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["hf://novel", "hf://", "hf://a/b/c", "hf://a b/c", "hf://../novel/x", "hf://datasets/a/b"]
)
def test_a_url_that_names_no_model_is_wrong_use(saved, registry, url):
    with pytest.raises(UsageError, match="is not a model on the Hugging Face Hub: write hf://USER/NAME"):
        push(saved, url, progress=quiet)
    with pytest.raises(UsageError, match="is not a model on the Hugging Face Hub"):
        pull(url, None, registry, progress=quiet)


def test_a_revision_cannot_be_pushed_to_and_a_model_says_itself_which_it_is(saved, hub, registry):
    with pytest.raises(UsageError, match="A push goes to hf://ada/novel; v3 can only be pulled"):
        push(saved, "hf://ada/novel@v3", progress=quiet)
    with pytest.raises(UsageError, match="hf://ada/novel is one model, so novel:3 says nothing"):
        pull(URL, "novel:3", registry, progress=quiet)


def test_without_huggingface_hub_it_says_what_to_install(saved, registry, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r'not installed.  pip install "seqgen\[hub\]"'):
        push(saved, URL, progress=quiet)
    with pytest.raises(MissingDependencyError, match=r'not installed.  pip install "seqgen\[hub\]"'):
        pull(URL, None, registry, progress=quiet)


def test_what_a_version_does_not_have_goes_from_the_one_before(saved, hub, tmp_path):
    first = write_model(tmp_path / "first")
    for name in ("samples.json", "ngrams.safetensors"):
        (first / name).write_bytes(b"{}")
    lineage = {key: value for key, value in json.loads((first / "manifest.json").read_text()).items() if key != "files"}
    del lineage["format_version"]
    write_manifest(first, lineage)
    push(ModelVersion("novel", 1, first).open(), URL, progress=quiet)
    repository = hub.repositories["ada/novel"]
    kept = {"notes.md": b"by hand\n", **repository.head.files}
    del kept["ngrams.safetensors"]  # removed by hand, so that it cannot be removed again
    hub.commit(repository, "Add notes", kept)
    push(other(tmp_path, 2), URL, progress=quiet, as_="novel:2")
    assert repository.head.files.keys() == {*files_of(saved.folder), ".gitattributes", "notes.md"}
    assert "samples.json" in repository.tags["v1"].files


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"files": {"../x": 1}}'])
def test_what_is_no_manifest_on_the_hub_removes_nothing(saved, hub, content):
    repository = hub.repositories["ada/novel"] = Repository(Commit("0" * 40, "initial commit", {"notes.md": b"x"}))
    hub.commit(repository, "Upload", {"notes.md": b"x", "manifest.json": content})
    push(saved, URL, progress=quiet)
    assert repository.head.files == {"notes.md": b"x", **files_of(saved.folder)}
