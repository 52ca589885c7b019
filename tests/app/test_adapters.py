"""The adapters: the local twins and AWS's behave alike. AWS is moto, in this process."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import text
from workspaces import Founded

from aespo.adapters import secrets
from aespo.adapters.mail import SesMail
from aespo.adapters.objects import FolderObjects, Objects, S3Objects, key
from aespo.adapters.queue import Queue, SqsQueue, TableQueue
from aespo.adapters.table_objects import PART, TableObjects
from aespo.web import Aespo

REGION = {"region_name": "eu-central-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture(params=["folder", "s3", "table"])
def store(request: pytest.FixtureRequest, aws: None, tmp_path: Path, site: Aespo) -> Objects:
    if request.param == "table":
        return TableObjects(site.context.require_database())
    if request.param == "folder":
        return FolderObjects(tmp_path)
    client = boto3.client("s3", **REGION)
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return S3Objects("bucket", client)


def test_objects_are_kept_and_deleted_by_what_they_lie_below(store: Objects, acme: Founded, globex: Founded) -> None:
    mine, theirs = key(acme.tenant_id), key(globex.tenant_id)
    for name in (f"{mine}/a", f"{mine}/b_/c", f"{mine}/bb/c", f"{theirs}/a"):
        store.put(name, io.BytesIO(name.encode()))
    assert store.get(f"{mine}/b_/c") == f"{mine}/b_/c".encode()
    assert store.delete_below(f"{mine}/b_") == 1
    assert store.delete_below(mine) == 2
    assert store.delete_below(mine) == 0
    with pytest.raises(FileNotFoundError):
        store.get(f"{mine}/a")
    assert store.get(f"{theirs}/a") == f"{theirs}/a".encode()
    assert store.delete_below(f"{theirs}/a") == 1


def test_an_object_has_any_size_and_is_replaced_whole(store: Objects, acme: Founded) -> None:
    name, large = key(acme.tenant_id, "x"), random.Random(1).randbytes(2 * PART + 1)
    for content in (large, b"", large[:PART]):
        store.put(name, io.BytesIO(content))
        assert store.get(name) == content
    assert store.delete_below(name) == 1


@pytest.mark.parametrize("name", ["", "tenants", "tenants/x/1", "tenants/1x", "exports/1", "tenants/-1/x"])
def test_an_object_of_no_workspace_is_not_in_the_table(site: Aespo, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        TableObjects(site.context.require_database()).put(name, io.BytesIO(b"x"))


@pytest.mark.long
def test_more_than_a_page_of_objects_is_deleted(aws: None) -> None:
    client = boto3.client("s3", **REGION)
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for number in range(1001):
        client.put_object(Bucket="bucket", Key=f"tenants/1/{number}", Body=b"")
    assert S3Objects("bucket", client).delete_below("tenants/1") == 1001


def test_a_folder_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(FileNotFoundError):
        FolderObjects(tmp_path / "objects").get("tenants/1/../../../secret")


def test_a_link_is_presigned_and_gives_a_file_to_keep(aws: None) -> None:
    link = S3Objects("bucket", boto3.client("s3", **REGION)).link("tenants/1/x", 'a"b\r\n.txt')
    assert "X-Amz-Expires=60" in link or "Expires=" in link
    assert "attachment" in link
    assert "%0D" not in link


@pytest.fixture(params=["table", "sqs"])
def queue(request: pytest.FixtureRequest, aws: None, site: Aespo) -> Queue:
    made: Queue = TableQueue(site.context.require_database())
    while messages := made.take(0):
        for message in messages:
            made.done(message)
    if request.param == "table":
        return made
    client = boto3.client("sqs", **REGION)
    return SqsQueue(client.create_queue(QueueName="q")["QueueUrl"], site.context.require_database(), client)


def test_a_message_comes_until_it_is_done(queue: Queue, site: Aespo) -> None:
    with site.context.require_database().without_tenant() as connection:
        left = queue.put("one", connection, 1)
    if left:
        left()
    (message,) = queue.take(0)
    assert message.body == "one"
    assert queue.take(0) == [], "it is hidden while somebody is at it"
    queue.done(message)
    assert queue.take(0) == []


def test_a_message_comes_although_its_process_was_killed_after_the_commit(queue: Queue, site: Aespo) -> None:
    with site.context.require_database().without_tenant() as connection:
        queue.put("one", connection, 1)
    assert [message.body for message in queue.take(0)] == ["one"]
    assert queue.take(0) == []


def test_a_message_stays_while_sqs_does_not_answer(aws: None, site: Aespo) -> None:
    database, client = site.context.require_database(), boto3.client("sqs", **REGION)
    queue = SqsQueue(f"{client.create_queue(QueueName='q')['QueueUrl']}-not-there", database, client)
    with database.without_tenant() as connection:
        left = queue.put("left", connection, 1)
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        left()
    with database.without_tenant() as connection:
        assert connection.execute(text("DELETE FROM queue WHERE message = 'left'")).rowcount == 1


def test_what_is_not_committed_is_not_in_the_queue(queue: Queue, site: Aespo) -> None:
    with site.context.require_database().connect(None) as connection:
        queue.put("never", connection, 1)
        connection.rollback()
    assert queue.take(0) == []


def test_mail_goes_through_ses(aws: None) -> None:
    client = boto3.client("sesv2", **REGION)
    client.create_email_identity(EmailIdentity="from@example.com")
    SesMail("from@example.com", client).send("to@example.com", "Ünïcode", "Text")
    statistics = boto3.client("ses", **REGION).get_send_quota()
    assert statistics["SentLast24Hours"] == 1


def test_secrets_are_read_where_they_are_kept(aws: None, tmp_path: Path) -> None:
    def client(service: str, region: str) -> object:
        return boto3.client(service, **REGION | {"region_name": region})

    arn = client("secretsmanager", "eu-central-1").create_secret(Name="db", SecretString="postgresql://a@/x")["ARN"]
    for name in ("/aespo/token", "plain"):
        client("ssm", "eu-central-1").put_parameter(Name=name, Value=name * 4, Type="SecureString")
    (tmp_path / "owner").write_text("postgresql://o@/x\n")
    environ = {
        "DATABASE_URL": arn,
        "DATABASE_OWNER_URL": f"file:{tmp_path / 'owner'}",
        "AESPO_OPERATOR_TOKEN": "arn:aws:ssm:eu-central-1:123456789012:parameter/aespo/token",
        "AESPO_SAMPLE_TOKEN": "arn:aws:ssm:eu-central-1:123456789012:parameter/plain",
        "OTHER": "arn:aws:ssm:untouched",
    }
    assert secrets.resolve(environ, secrets.SERVING, client) == environ | {
        "DATABASE_URL": "postgresql://a@/x",
        "AESPO_OPERATOR_TOKEN": "/aespo/token" * 4,
        "AESPO_SAMPLE_TOKEN": "plain" * 4,
    }
    assert secrets.resolve(environ, secrets.MIGRATING, client)["DATABASE_OWNER_URL"] == "postgresql://o@/x"


def test_a_parameter_is_asked_for_by_its_arn() -> None:
    """moto finds it with a slash too many as well; AWS does not."""
    arn, asked = "arn:aws:ssm:eu-central-1:123456789012:parameter/plain", []

    class Parameters:
        def get_parameter(self, **told: object) -> dict[str, dict[str, str]]:
            asked.append(told["Name"])
            return {"Parameter": {"Value": "x"}}

    secrets.resolve({"DATABASE_URL": arn}, secrets.SERVING, lambda service, region: Parameters())
    assert asked == [arn]


@pytest.mark.parametrize(
    "value", ["file:/no/such/file", "arn:aws:s3:eu-central-1:1:x", "arn:aws:ssm:eu-central-1:1:parameter/none"]
)
def test_a_secret_that_cannot_be_read_stops_the_start_and_is_not_told(aws: None, value: str) -> None:
    client: Callable[[str, str], object] = lambda service, region: boto3.client(service, **REGION)  # noqa: E731
    with pytest.raises(ValueError, match=r"^DATABASE_URL: its secret cannot be read: \w+$"):
        secrets.resolve({"DATABASE_URL": value}, secrets.SERVING, client)
