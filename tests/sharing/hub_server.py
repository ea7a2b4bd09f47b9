"""The parts of the Hugging Face Hub's API that pushing and pulling use, on a server of this machine.

Repositories with commits, tags and large files, in memory.  What it answers is what huggingface.co answers, as far as
huggingface_hub asks: https://huggingface.co/docs/hub/api and https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_TheTokenOfAdaLovelace"


@dataclass
class Commit:
    sha: str
    title: str
    files: dict[str, bytes]
    parent: Commit | None = None

    def history(self):
        yield self
        if self.parent:
            yield from self.parent.history()


@dataclass
class Repository:
    head: Commit
    tags: dict[str, Commit] = field(default_factory=dict)
    private: bool = False

    def at(self, revision):
        if revision == "main":
            return self.head
        if revision in self.tags:
            return self.tags[revision]
        return next((commit for commit in self.head.history() if commit.sha == revision), None)


class Hub(ThreadingHTTPServer):
    """The server, and what it holds.

    Attributes:
        repositories: by ``USER/NAME``.
        large: what was uploaded, by its sha256.
        asked: every request, as method and path.
        cut: for how many more requests of file content the connection is closed after 1000 bytes.
        between: called before a commit is accepted.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut = 0
        self.between = lambda: None
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repository, title, files):
        """Put a commit on main."""
        sha = hashlib.sha1(f"{title}{len(self.asked)}{sorted(files)}".encode(), usedforsecurity=False).hexdigest()
        repository.head = Commit(sha, title, files, repository.head)
        return repository.head


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    ROUTES = (
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate"),
        ("GET", r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/([^/]+))?", "info"),
        ("GET", r"/api/models/([\w.-]+/[\w.-]+)/commits/([^/]+)", "commits"),
        ("GET", r"/api/models/([\w.-]+/[\w.-]+)/tree/([^/]+)/?", "tree"),
        ("POST", r"/api/models/([\w.-]+/[\w.-]+)/paths-info/([^/]+)", "paths"),
        ("POST", r"/api/models/([\w.-]+/[\w.-]+)/preupload/([^/]+)", "preupload"),
        ("POST", r"/api/models/([\w.-]+/[\w.-]+)/commit/([^/]+)", "add_commit"),
        ("POST", r"/api/models/([\w.-]+/[\w.-]+)/tag/([^/]+)", "add_tag"),
        ("POST", r"/([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch", "batch"),
        ("PUT", r"/large/([0-9a-f]{64})", "upload"),
        ("(?:GET|HEAD)", r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", "content"),
    )

    def answer(self):
        path = urlsplit(self.path).path
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {path}")
        for method, pattern, name in self.ROUTES:
            if re.fullmatch(method, self.command) and (match := re.fullmatch(pattern, path)):
                if name != "upload" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self.refuse(401, "Invalid username or password.")
                return getattr(self, name)(*(group and unquote(group) for group in match.groups()))
        return self.refuse(404, f"no such route: {self.command} {path}")

    do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815

    def reply(self, value, status=200):
        self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json"})

    def refuse(self, status, message, code=""):
        self.send(json.dumps({"error": message}).encode(), status, {"X-Error-Message": message, "X-Error-Code": code})

    def send(self, content, status, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def found(self, name, revision="main"):
        repository = self.server.repositories.get(name)
        if repository is None:
            self.refuse(404, "Repository not found", "RepoNotFound")
            return None, None
        commit = repository.at(revision or "main")
        if commit is None:
            self.refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repository, commit

    def create(self):
        wanted = json.loads(self.body)
        name = f"{wanted.get('organization') or 'ada'}/{wanted['name']}"
        with self.server.lock:
            new = name not in self.server.repositories
            if new:
                first = Commit("0" * 40, "initial commit", {".gitattributes": b"*.safetensors filter=lfs\n"})
                # Clients before 2.0 ask for it in other words.
                private = wanted.get("visibility") == "private" or wanted.get("private") is True
                self.server.repositories[name] = Repository(first, private=private)
        if new:
            return self.reply({"url": f"{self.server.url}/{name}", "name": name, "id": name})
        return self.reply({"error": "You already created this model repo", "url": f"{self.server.url}/{name}"}, 409)

    def validate(self):
        self.reply({"errors": [], "warnings": []})

    def info(self, name, revision):
        _, commit = self.found(name, revision)
        if commit:
            siblings = [{"rfilename": each} for each in commit.files]
            self.reply(
                {
                    "_id": "1",
                    "id": name,
                    "modelId": name,
                    "sha": commit.sha,
                    "private": True,
                    "siblings": siblings,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                }
            )

    def commits(self, name, revision):
        _, commit = self.found(name, revision)
        if commit:
            self.reply(
                [
                    {
                        "id": each.sha,
                        "title": each.title,
                        "message": "",
                        "date": "2026-01-01T00:00:00.000Z",
                        "authors": [],
                    }
                    for each in commit.history()
                ]
            )

    def listed(self, commit):
        for path, content in commit.files.items():
            entry = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            if path.endswith(".safetensors"):
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 134}
            yield entry

    def tree(self, name, revision):
        _, commit = self.found(name, revision)
        if commit:
            self.reply(list(self.listed(commit)))

    def paths(self, name, revision):
        _, commit = self.found(name, revision)
        if commit:
            wanted = json.loads(self.body)["paths"]
            self.reply([entry for entry in self.listed(commit) if entry["path"] in wanted])

    def preupload(self, name, revision):
        _, commit = self.found(name, revision)
        if commit:
            files = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for each in json.loads(self.body)["files"]
            ]
            self.reply({"files": files})

    def batch(self, name):
        objects = []
        for each in json.loads(self.body)["objects"]:
            known = each["oid"] in self.server.large
            actions = {} if known else {"actions": {"upload": {"href": f"{self.server.url}/large/{each['oid']}"}}}
            objects.append({"oid": each["oid"], "size": each["size"], **actions})
        self.reply({"transfer": "basic", "objects": objects})

    def upload(self, digest):
        if hashlib.sha256(self.body).hexdigest() != digest:
            return self.refuse(400, "not those bytes")
        self.server.large[digest] = self.body
        return self.reply({})

    def add_commit(self, name, revision):
        self.server.between()
        lines = [json.loads(line) for line in self.body.splitlines()]
        with self.server.lock:
            repository, head = self.found(name, revision)
            if head is None:
                return None
            header = next(line["value"] for line in lines if line["key"] == "header")
            if header.get("parentCommit", head.sha) != head.sha:
                return self.refuse(412, "A commit has happened since. Please refresh and try again.")
            files = dict(head.files)
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.server.large[value["oid"]]
                elif line["key"] == "deletedFile":
                    if value["path"] not in files:
                        return self.refuse(404, f"no such file: {value['path']}")
                    del files[value["path"]]
            commit = self.server.commit(repository, header["summary"], files)
        return self.reply(
            {"success": True, "commitOid": commit.sha, "commitUrl": f"{self.server.url}/{name}/commit/{commit.sha}"}
        )

    def add_tag(self, name, revision):
        repository, commit = self.found(name, revision)
        if commit:
            tag = json.loads(self.body)["tag"]
            if tag in repository.tags:
                return self.refuse(409, "Tag reference exists already")
            repository.tags[tag] = commit
            return self.reply({})
        return None

    def content(self, name, revision, path):
        _, commit = self.found(name, revision)
        if commit is None:
            return None
        if path not in commit.files:
            return self.refuse(404, "Entry not found", "EntryNotFound")
        content = commit.files[path]
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": commit.sha,
            "Accept-Ranges": "bytes",
        }
        status = 200
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(match[1]), int(match[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content, status = content[start : end + 1], 206
        if self.server.cut and self.command == "GET" and len(content) > 1000:
            self.server.cut -= 1
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:1000])
            self.close_connection = True
            return None
        return self.send(content, status, headers)

    def log_message(self, *arguments):
        """Nothing."""
