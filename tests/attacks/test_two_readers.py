"""What the local Beanstalk judges is what is then done: no request means one thing to whoever checks it and another to
whoever serves it.
"""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from running import REGION, Local, running

GET, DELETE = b"Action=GetUser&UserName=victim", b"Action=DeleteUser&UserName=victim"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
UPLOAD = (
    b'--X\r\nContent-Disposition: form-data; name="key"\r\n\r\nforged\r\n'
    b'--X\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nforged\r\n--X--\r\n'
)


@dataclass
class Weak:
    """A user who may read users and delete objects, at a local Beanstalk that enforces policies."""

    local: Local
    credentials: Credentials

    def send(
        self, service: str, method: str, path: str, body: bytes = b"", host: str = "127.0.0.1", **more: Any
    ) -> tuple[int, bytes]:
        """A request, signed as it is: status and body."""
        port = urlsplit(self.local.told["endpoint_url"]).port
        headers = {"Host": f"{host}:{port}", **more.get("headers", {})}
        asked = AWSRequest(method=method, url=f"http://{host}:{port}{path}", data=body, headers=headers)
        kind, region = (S3SigV4Auth, REGION) if service == "s3" else (SigV4Auth, "us-east-1")
        kind(self.credentials, service, region).add_auth(asked)
        return self.plain(method, path, body, dict(asked.headers.items()))

    def plain(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """A request as it is given."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.local.told["endpoint_url"]).port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def weak() -> Iterator[Weak]:
    with running("--enforce-iam") as local:
        iam, s3 = local.client("iam"), local.client("s3")
        for bucket in ("shop", "other"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="other", Key="private", Body=b"private")
        for name in ("weak", "victim"):
            iam.create_user(UserName=name)
        actions = ["iam:GetUser", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        mine = {"Effect": "Allow", "Action": actions[:2], "Resource": "*"}
        named = {"Effect": "Allow", "Action": actions[2:], "Resource": ["arn:aws:s3:::moto-api/*"]}
        document = json.dumps({"Version": "2012-10-17", "Statement": [mine, named]})
        iam.put_user_policy(UserName="weak", PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName="weak")["AccessKey"]
        yield Weak(local, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/", DELETE + b"&Action=GetUser", FORM),
        ("/", GET + b"&Action=DeleteUser", FORM),
        ("/?" + DELETE.decode(), GET, {"Content-Type": "text/plain"}),
        ("/?" + DELETE.decode(), GET, FORM),
        ("/", DELETE, FORM | {"X-Amz-Target": "X.GetUser"}),
        ("/?" + DELETE.decode(), b"", {"X-Amz-Target": "X.GetUser"}),
        ("/", b'{"a": "&' + DELETE + b'&"}', {"X-Amz-Target": "X.GetUser", "Content-Type": "application/json"}),
        ("/", gzip.compress(DELETE, mtime=0), FORM | {"X-Amz-Target": "X.GetUser", "Content-Encoding": "gzip"}),
        ("/service/x/operation/GetUser", DELETE, FORM),
    ],
)
def test_a_request_with_two_operations_does_neither(
    weak: Weak, path: str, body: bytes, headers: dict[str, str]
) -> None:
    status, _ = weak.send("iam", "POST", path, body, headers=headers)
    assert status in (400, 415)
    assert weak.local.client("iam").get_user(UserName="victim")


def test_a_request_with_one_operation_is_served(weak: Weak) -> None:
    assert weak.send("iam", "POST", "/", GET, headers=FORM)[0] == 200
    assert weak.send("iam", "POST", "/", DELETE, headers=FORM)[0] == 403


def test_a_form_s_upload_is_no_deletion(weak: Weak) -> None:
    status, _ = weak.send("s3", "POST", "/shop", UPLOAD, headers={"Content-Type": "multipart/form-data; boundary=X"})
    assert status == 403
    assert "Contents" not in weak.local.client("s3").list_objects_v2(Bucket="shop")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("moto-api.localhost", "/reset"),
        ("moto-api.localhost", "/data.json"),
        ("latest.localhost", "/meta-data/iam"),
        ("v20180820.localhost", "/accesspoint"),
        ("127.0.0.1", "/moto-api/reset"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_name_of_a_bucket_leads_to_moto_s_own_pages(weak: Weak, method: str, host: str, path: str) -> None:
    assert weak.send("s3", method, path, host=host)[0] == 404
    assert len(weak.local.client("s3").list_buckets()["Buckets"]) == 2


@pytest.mark.parametrize(
    "headers", [{"x-amz-copy-source": "/other/private"}, {"x-amz-acl": "public-read"}, {"x-amz-tagging": "a=b"}]
)
def test_a_presigned_url_gives_no_more_than_its_maker_meant(weak: Weak, headers: dict[str, str]) -> None:
    s3 = weak.local.client("s3")
    url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": "shop", "Key": "mine"}))
    target, host = f"{url.path}?{url.query}", {"Host": url.netloc}
    status, told = weak.plain("PUT", target, b"", host | headers)
    assert (status, b"headers present in the request which were not signed" in told) == (403, True)
    assert weak.plain("PUT", target, b"mine", host)[0] == 200
    s3.delete_object(Bucket="shop", Key="mine")
