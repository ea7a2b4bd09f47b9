"""What lets somebody in is never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.core.errors import CorpusError
from seqgen.core.redact import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://ada:lace@bucket/models", "s3://***@bucket/models"),
        ("ftp://ada:l@ce:x@host:21/a b", "ftp://***@host:21/a b"),
        ("https://ghp_abcdef@host/novel.txt", "https://***@host/novel.txt"),
        ("https://h/x.txt?X-Amz-Signature=5e1f&X-Amz-Expires=60", "https://h/x.txt?***"),
        ('"https://h/x?sig=5e1f" and more', '"https://h/x?***" and more'),
        ("see https://h/x?sig=5e1f.", "see https://h/x?***."),
        ("https://h/cb#access_token=5e1f", "https://h/cb?***"),
        ("https://h/x?0123456789abcdef0123456789abcdef", "https://h/x?***"),
        ("simplecache::s3://ada:lace@b/x", "simplecache::s3://***@b/x"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer ***"),
        ("{'authorization': 'Basic swordfish'}", "{'authorization': 'Basic ***'}"),
        ("sent Bearer eyJhbGci.eyJzdWIi.sfl", "sent Bearer ***"),
        ("sent Basic dXNlcjpwYXNz.", "sent Basic ***"),
        ("token hf_AbCdEfGhIjKlMn is wrong", "token hf_*** is wrong"),
        ("key AKIAIOSFODNN7EXAMPLE is wrong", "key AKIA*** is wrong"),
    ],
)
def test_what_lets_somebody_in_is_hidden(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("novel@best", "hf://ada/novel@v3", "s3://bucket/tunes/*.abc", "s3://bucket/tune?.abc", "what? a=b"),
        *(
            "https://host:8080/a/b",
            "memory://team/models/novel/3",
            "ada@example.org",
            "/home/ada/novel.txt?x=1",
            "hf_hub",
            "hf_wikitext_103.txt",
            "ASIAN_NOVELS.txt",
            "Basic Training.txt",
            "Basic Vocabulary2.txt",
            "Bearer Understanding.txt",
        ),
    ],
)
def test_what_does_not_is_left(text):
    assert redacted(text) == text


def test_what_the_environment_keeps_secret_is_hidden_wherever_it_stands(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "5e1f00d5")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalr/XUt+nFEMI")
    monkeypatch.setenv("MY_PASSWORD", "a")
    monkeypatch.setenv("SEQGEN_TOKENIZER", "sylable")
    assert redacted("key 5e1f00d5 and wJalr/XUt+nFEMI") == "key *** and ***"
    assert redacted('No tokenizer "sylable".') == 'No tokenizer "sylable".'


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_CONNECTION_STRING", "AccountKey"]
)
def test_a_secret_of_the_environment_may_begin_like_a_path(monkeypatch, name):
    monkeypatch.setenv(name, "/wJalrXUtnFEMI")
    assert redacted("Access denied for key /wJalrXUtnFEMI") == "Access denied for key ***"


@pytest.mark.parametrize("name", ["HF_TOKEN_PATH", "AWS_WEB_IDENTITY_TOKEN_FILE", "PASSWORD_STORE_DIR", "secret_file"])
@pytest.mark.parametrize("path", ["/home/ada/hidden", "hidden/here"])
def test_where_a_secret_lies_is_none(monkeypatch, name, path):
    monkeypatch.setenv(name, path)
    assert redacted(f"a path: {path}") == f"a path: {path}"


def test_no_message_of_ours_shows_credentials():
    error = CorpusError("https://ada:lace@host/x?sig=5e1f cannot be read")
    assert str(error) == "https://***@host/x?*** cannot be read"
    assert "lace" not in repr(error)
    assert error.args == (str(error),)


SECRET = st.text("abcdefgh0123456789", min_size=8, max_size=20)


@given(user=SECRET, password=SECRET, signature=SECRET, before=st.text(max_size=20), after=st.text(max_size=20))
def test_wherever_a_url_stands_its_credentials_are_hidden_and_twice_hides_nothing_more(
    user, password, signature, before, after
):
    text = redacted(f"{before} s3://{user}:{password}@bucket/x?sig={signature} {after}")
    for secret in (user, password, signature):
        assert text.count(secret) <= before.count(secret) + after.count(secret)
    assert redacted(text) == text
