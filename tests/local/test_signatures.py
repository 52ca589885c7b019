"""Signatures are checked as AWS does: by botocore's own signer, in each service's words."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
import urllib3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from running import BUCKET, REGION, Local

from ebcd_local import wire
from ebcd_local.errors import ServiceError
from ebcd_local.signatures import Signatures

KEY = Credentials("AKID", "the secret")
SESSION = Credentials("ASIA", "another secret", "the+token/=")
HOST = "127.0.0.1:8155"
CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def secret(key_id: str, token: str, region: str) -> str:
    """As a server with two keys."""
    if key_id == "GONE":
        raise TimeoutError
    found = {item.access_key: item for item in (KEY, SESSION)}[key_id]
    if (found.token or "") != token:
        raise ValueError("another token")
    return str(found.secret_key)


def environ(asked: AWSRequest, body: bytes = b"") -> dict[str, Any]:
    """What a server is given of a request."""
    url = urlsplit(asked.prepare().url if asked.params else asked.url)
    raw = url.path + (f"?{url.query}" if url.query else "")
    headers = {f"HTTP_{name.upper().replace('-', '_')}": str(value) for name, value in asked.headers.items()}
    return {
        "REQUEST_METHOD": asked.method,
        "PATH_INFO": unquote(url.path),
        "QUERY_STRING": url.query,
        "REQUEST_URI": raw,
        "HTTP_HOST": HOST,
        **headers,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "wsgi.input": io.BytesIO(body),
    }


def signed(
    path: str = "/",
    body: bytes = b"a=b",
    service: str = "elasticbeanstalk",
    key: Credentials = KEY,
    method: str = "POST",
    **headers: str,
) -> dict[str, Any]:
    """A request that a client has signed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = AWSRequest(method=method, url=f"http://{HOST}{path}", data=body, headers=named)
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(key, service, REGION).add_auth(asked)
    return environ(asked, body)


def refusal(given: dict[str, Any], later: timedelta = timedelta(0)) -> str:
    """The code that a request is refused with; empty where it is answered."""
    service = "s3" if "/s3/" in given.get("HTTP_AUTHORIZATION", "") + unquote(given["QUERY_STRING"]) else "eb"
    request = wire.Request(REGION, "elasticbeanstalk" if service == "eb" else "s3", "Any", {})
    try:
        Signatures(secret, lambda: datetime.now(UTC) + later).check(given, request)
    except ServiceError as error:
        return error.code
    return ""


@pytest.mark.parametrize("key", [KEY, SESSION])
@pytest.mark.parametrize(
    ("path", "service", "method"),
    [
        ("/", "elasticbeanstalk", "POST"),
        ("/?Action=X&b=%2F%20%2B&a", "elasticbeanstalk", "GET"),
        ("/service/a/operation/b", "elasticbeanstalk", "POST"),
        ("/bucket/a%20b/c%2Bd//e", "s3", "PUT"),
        ("/bucket?uploads", "s3", "POST"),
        ("/bucket/a?partNumber=1&uploadId=x%3D%3D", "s3", "PUT"),
    ],
)
def test_what_a_client_has_signed_is_answered(path: str, service: str, method: str, key: Credentials) -> None:
    assert refusal(signed(path, service=service, method=method, key=key)) == ""
    assert refusal(signed(path, b"", service=service, method=method, key=key)) == ""


def test_a_query_is_signed_however_it_is_escaped() -> None:
    given = signed("/?a=%2F%20x", method="GET")
    assert refusal(given | {"REQUEST_URI": "/?a=/+x"}) == ""


def test_headers_that_botocore_never_signs_are_checked_where_a_client_names_them() -> None:
    class Ruby(SigV4Auth):
        def headers_to_sign(self, request: Any) -> Any:
            found = super().headers_to_sign(request)
            found["user-agent"] = request.headers["User-Agent"]
            return found

    asked = AWSRequest(method="POST", url=f"http://{HOST}/", data=b"a=b", headers={"User-Agent": "aws-sdk-ruby3"})
    Ruby(KEY, "elasticbeanstalk", REGION).add_auth(asked)
    given = environ(asked, b"a=b")
    assert refusal(dict(given)) == ""
    assert refusal(given | {"HTTP_USER_AGENT": "another"}) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"REQUEST_METHOD": "PUT"}, "SignatureDoesNotMatch"),
        ({"REQUEST_URI": "/other"}, "SignatureDoesNotMatch"),
        ({"REQUEST_URI": "/?a=b"}, "SignatureDoesNotMatch"),
        ({"HTTP_HOST": "localhost:8155"}, "SignatureDoesNotMatch"),
        ({"wsgi.input": io.BytesIO(b"c=d")}, "SignatureDoesNotMatch"),
        ({"HTTP_X_AMZ_DATE": "20200101T000000Z"}, "IncompleteSignature"),
        ({"HTTP_X_AMZ_SECURITY_TOKEN": "x"}, "InvalidClientTokenId"),
        ({"HTTP_AUTHORIZATION": ""}, "IncompleteSignature"),
        ({"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=AKID/20260101/a/b/aws4_request"}, "IncompleteSignature"),
    ],
)
def test_another_request_than_was_signed_is_refused(change: dict[str, Any], code: str) -> None:
    assert refusal(signed() | change) == code


def test_no_character_of_a_signature_may_be_another() -> None:
    given = signed()
    header = given["HTTP_AUTHORIZATION"]
    start = header.index("Signature=") + len("Signature=")
    for at in range(start, len(header)):
        other = header[:at] + ("0" if header[at] != "0" else "1") + header[at + 1 :]
        assert refusal(given | {"HTTP_AUTHORIZATION": other}) == "SignatureDoesNotMatch"


def test_keys_and_tokens_that_are_not_good() -> None:
    assert refusal(signed(key=Credentials("AKID", "wrong"))) == "SignatureDoesNotMatch"
    assert refusal(signed(key=Credentials("NOBODY", "x"))) == "InvalidClientTokenId"
    assert refusal(signed(key=Credentials("ASIA", "another secret"))) == "InvalidClientTokenId", "without its token"
    assert refusal(signed(key=Credentials("GONE", "x", "y"))) == "ExpiredToken"
    assert refusal(signed(service="s3", key=Credentials("NOBODY", "x"))) == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    ("minutes", "codes"), [(14, ("", "")), (16, ("SignatureDoesNotMatch", "RequestTimeTooSkewed"))]
)
def test_a_clock_may_be_a_quarter_of_an_hour_off(minutes: int, codes: tuple[str, str]) -> None:
    for sign in (1, -1):
        apart = timedelta(minutes=minutes * sign)
        assert (refusal(signed(), apart), refusal(signed(service="s3"), apart)) == codes


def test_a_body_of_s3_s_is_the_one_that_was_signed_or_is_not_signed_at_all() -> None:
    given = signed("/b/k", b"one", "s3", method="PUT")
    assert refusal(given | {"wsgi.input": io.BytesIO(b"two")}) == "XAmzContentSHA256Mismatch"

    class Unsigned(S3SigV4Auth):
        def payload(self, _: Any) -> str:
            return "UNSIGNED-PAYLOAD"

    asked = AWSRequest(method="PUT", url=f"http://{HOST}/b/k", data=b"one")
    Unsigned(KEY, "s3", REGION).add_auth(asked)
    assert refusal(environ(asked, b"two")) == ""


def chunked(*pieces: bytes) -> tuple[dict[str, Any], bytes]:
    """An upload whose chunks are signed, and its body."""

    class Streaming(S3SigV4Auth):
        def payload(self, _: Any) -> str:
            return CHUNKED

    asked, auth = AWSRequest(method="PUT", url=f"http://{HOST}/b/k"), Streaming(KEY, "s3", REGION)
    auth.add_auth(asked)
    before, body, empty = asked.headers["Authorization"].rpartition("=")[2], b"", hashlib.sha256(b"").hexdigest()
    for piece in (*pieces, b""):
        digest = hashlib.sha256(piece).hexdigest()
        words = ["AWS4-HMAC-SHA256-PAYLOAD", asked.context["timestamp"], auth.credential_scope(asked)]
        before = auth.signature("\n".join([*words, before, empty, digest]), asked)
        body += f"{len(piece):x};chunk-signature={before}\r\n".encode() + piece + b"\r\n"
    return environ(asked, body), body


def test_each_chunk_of_an_upload_is_checked() -> None:
    given, body = chunked(b"one" * 100, b"two\r\n")
    assert refusal(given | {"wsgi.input": io.BytesIO(body)}) == ""
    for wrong in (body.replace(b"two", b"six"), body[:-10], body.partition(b"0;chunk")[0], b"", b"-1\r\n", b"x\r\n"):
        told = given | {"wsgi.input": io.BytesIO(wrong), "CONTENT_LENGTH": str(len(wrong))}
        assert refusal(told) == "SignatureDoesNotMatch", wrong


def presigned(seconds: int = 60, key: Credentials = KEY) -> dict[str, Any]:
    asked = AWSRequest(method="GET", url=f"http://{HOST}/b/a%20b?versionId=x")
    S3SigV4QueryAuth(key, "s3", REGION, expires=seconds).add_auth(asked)
    return environ(asked)


def test_a_presigned_url_is_good_until_it_expires_and_for_nothing_else() -> None:
    for key in (KEY, SESSION):
        assert refusal(presigned(key=key)) == ""
    assert refusal(presigned(), timedelta(seconds=59)) == ""
    assert refusal(presigned(), timedelta(seconds=62)) == "AccessDenied"
    given = presigned()
    assert refusal(given | {"REQUEST_METHOD": "PUT"}) == "SignatureDoesNotMatch"
    longer = {name: given[name].replace("Expires=60", "Expires=99") for name in ("REQUEST_URI", "QUERY_STRING")}
    assert refusal(given | longer) == "SignatureDoesNotMatch"
    without = given["QUERY_STRING"].replace("X-Amz-Expires=60", "")
    assert refusal(given | {"QUERY_STRING": without}) == "AuthorizationHeaderMalformed"


def code(client: Any, call: str, **given: Any) -> str:
    """The code that a call is refused with; empty where it is answered."""
    try:
        getattr(client, call)(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    finally:
        client.close()
    return ""


@pytest.mark.parametrize(
    ("service", "call", "unknown", "wrong"),
    [
        ("elasticbeanstalk", "describe_applications", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("ec2", "describe_instances", "AuthFailure", "AuthFailure"),
        ("ssm", "describe_parameters", "UnrecognizedClientException", "InvalidSignatureException"),
        ("logs", "describe_log_groups", "UnrecognizedClientException", "InvalidSignatureException"),
    ],
)
def test_each_service_refuses_in_its_own_words(local: Local, service: str, call: str, unknown: str, wrong: str) -> None:
    own = local.told["access_key_id"]

    def client(key_id: str) -> Any:
        return boto3.client(
            service,
            REGION,
            endpoint_url=local.told["endpoint_url"],
            aws_access_key_id=key_id,
            aws_secret_access_key="wrong",
        )

    assert (code(client("AKIAUNKNOWN"), call), code(client(own), call)) == (unknown, wrong)


def test_users_and_sessions_of_moto_s_have_their_own_keys(local: Local) -> None:
    iam, sts, endpoint = local.client("iam"), local.client("sts"), local.told["endpoint_url"]
    iam.create_user(UserName="signer")
    made = iam.create_access_key(UserName="signer")["AccessKey"]
    role = sts.assume_role(RoleArn="arn:aws:iam::222222222222:role/other", RoleSessionName="one")["Credentials"]

    def asked(key_id: str, key: str, token: str | None = None) -> str:
        client = boto3.client(
            "sts",
            REGION,
            endpoint_url=endpoint,
            aws_access_key_id=key_id,
            aws_secret_access_key=key,
            aws_session_token=token,
        )
        return code(client, "get_caller_identity")

    assert asked(made["AccessKeyId"], made["SecretAccessKey"]) == ""
    assert asked(made["AccessKeyId"], role["SecretAccessKey"]) == "SignatureDoesNotMatch"
    assert asked(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"]) == ""
    assert asked(role["AccessKeyId"], role["SecretAccessKey"]) == "InvalidClientTokenId"
    assert asked(role["AccessKeyId"], role["SecretAccessKey"], "another") == "InvalidClientTokenId"
    iam.update_access_key(UserName="signer", AccessKeyId=made["AccessKeyId"], Status="Inactive")
    assert asked(made["AccessKeyId"], made["SecretAccessKey"]) == "InvalidClientTokenId"
    iam.delete_access_key(UserName="signer", AccessKeyId=made["AccessKeyId"])
    assert asked(made["AccessKeyId"], made["SecretAccessKey"]) == "InvalidClientTokenId"


def test_each_session_of_a_lasting_key_has_a_key_of_its_own(local: Local) -> None:
    sts = local.client("sts")
    one, two = (sts.get_session_token()["Credentials"] for _ in range(2))
    assert one["SecretAccessKey"] != two["SecretAccessKey"]
    given = {"endpoint_url": local.told["endpoint_url"], "aws_access_key_id": one["AccessKeyId"]}
    for key, token, said in (
        (one["SecretAccessKey"], one["SessionToken"], ""),
        (two["SecretAccessKey"], one["SessionToken"], "SignatureDoesNotMatch"),
        (one["SecretAccessKey"], two["SessionToken"], "InvalidClientTokenId"),
        (one["SecretAccessKey"], None, "InvalidClientTokenId"),
    ):
        client = boto3.client("sts", REGION, **given, aws_secret_access_key=key, aws_session_token=token)
        assert code(client, "get_caller_identity") == said


def test_a_federation_token_which_moto_gives_everybody_is_good_for_nothing(local: Local) -> None:
    found = local.client("sts").get_federation_token(Name="any")["Credentials"]
    key = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    endpoint, token = local.told["endpoint_url"], found["SessionToken"]
    client = boto3.client("sts", REGION, endpoint_url=endpoint, aws_session_token=token, **key)
    assert code(client, "get_caller_identity") == "InvalidClientTokenId"


def test_a_bucket_may_be_named_by_the_host(local: Local) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    port = urlsplit(local.told["endpoint_url"]).port
    path, host = "/virtual/a%20b?x-id=PutObject", f"{BUCKET}.localhost:{port}"
    for method, body in (("PUT", b"content"), ("GET", b"")):
        headers = local.signed(path, method, body, "s3", Host=host)
        url = local.told["endpoint_url"] + path
        answer = urllib3.request(method, url, body=body or None, headers=headers, retries=False, timeout=60)
        assert answer.status == 200, answer.data
    assert answer.data == b"content"
    s3 = local.client("s3", Config(s3={"addressing_style": "path"}))
    assert s3.get_object(Bucket=BUCKET, Key="virtual/a b")["Body"].read() == b"content"
    headers = local.signed("/?Action=DescribeApplications", Host=host)
    answer = urllib3.request("GET", f"{local.told['endpoint_url']}/?Action=DescribeApplications", headers=headers)
    assert answer.status == 403
