"""Files of workspaces. A key begins with its workspace, so that all that is one's can be found, moved and deleted."""

from __future__ import annotations

import shutil
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol

LINK_SECONDS = 60
"""How long a presigned link is good: long enough to follow a redirect."""


def key(tenant_id: int, *parts: str) -> str:
    """A key below a workspace's own prefix."""
    return "/".join((f"tenants/{tenant_id}", *parts))


def note_key(tenant_id: int, note_id: str, file_id: str = "") -> str:
    """The key of a note's file; without one, what all of the note's files lie below."""
    return key(tenant_id, "notes", note_id, *([file_id] if file_id else []))


def export_key(tenant_id: int, job_id: str) -> str:
    """The key of an export."""
    return key(tenant_id, "exports", f"{job_id}.zip")


class Objects(Protocol):
    """A store of objects."""

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep an object: all that is left of a file."""

    def get(self, key: str) -> bytes:
        """An object's content. Raises FileNotFoundError."""

    def delete_below(self, prefix: str) -> int:
        """Delete the object of this key and all below it; how many there were."""

    def link(self, key: str, name: str) -> str:
        """An address that gives the object, as a file of this name, for a short time; empty: serve it yourself."""


class FolderObjects:
    """A folder, for who has one that all instances share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep an object: whole, or not at all."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            shutil.copyfileobj(content, file)
        part.replace(path)

    def get(self, key: str) -> bytes:
        """An object's content. Raises FileNotFoundError."""
        return self._path(key).read_bytes()

    def delete_below(self, prefix: str) -> int:
        """Delete a folder, or a file; how many objects there were."""
        path = self._path(prefix)
        if path.is_file():
            path.unlink()
            return 1
        count = sum(1 for item in path.rglob("*") if item.is_file())
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
        return count

    def link(self, key: str, name: str) -> str:
        """None: the application serves the file."""
        del key, name
        return ""

    def _path(self, key: str) -> Path:
        path = (self._folder / key).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise FileNotFoundError(key)
        return path


class S3Objects:
    """A bucket."""

    def __init__(self, bucket: str, client: Any = None) -> None:
        self._bucket = bucket
        self._given = client

    @cached_property
    def _client(self) -> Any:
        import boto3  # half a second, which only a process that stores files needs to spend

        return self._given or boto3.client("s3")

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep an object, encrypted by the bucket's key; a large one is sent in parts."""
        self._client.upload_fileobj(content, self._bucket, key)

    def get(self, key: str) -> bytes:
        """An object's content. Raises FileNotFoundError."""
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            raise FileNotFoundError(key) from None
        return content

    def delete_below(self, prefix: str) -> int:
        """Delete the object and what lies below, a thousand at a time; how many there were."""
        count = 0
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            found = [item["Key"] for item in page.get("Contents", ())]
            if keys := [{"Key": name} for name in found if name == prefix or name.startswith(f"{prefix}/")]:
                done = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
                if done.get("Errors"):
                    raise OSError(f"S3 did not delete {len(done['Errors'])} objects below {prefix}")
                count += len(keys)
        return count

    def link(self, key: str, name: str) -> str:
        """A presigned address."""
        plain = "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in name)
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{plain}"',
            "ResponseContentType": "application/octet-stream",
        }
        made: str = self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_SECONDS)
        return made
