"""What AWS's answers become: errors by their codes on the wire, and conflicts of conditional writes."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from ebcd.aws.account import Account
from ebcd.aws.session import Clients, answering
from ebcd.aws.storage import Storage
from ebcd.errors import AwsRefused, Busy, EbcdError, NoAnswer, Throttled


def refusal(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


class S3:
    """Answers a write with one refusal after another, then takes it."""

    def __init__(self, *refusals: ClientError) -> None:
        self._refusals = list(refusals)
        self.taken = 0

    def put_object(self, **_: Any) -> dict[str, str]:
        if self._refusals:
            raise self._refusals.pop(0)
        self.taken += 1
        return {"ETag": '"etag"'}


class Of:
    """Clients, of which one is there."""

    def __init__(self, s3: S3) -> None:
        self.s3 = s3


def storage(s3: S3) -> Storage:
    clients = cast(Clients, Of(s3))
    account = Account(clients)
    account.learn("arn:aws:elasticbeanstalk:eu-central-1:123456789012:application/shop")
    return Storage(clients, "eu-central-1", account)


def test_a_conflict_is_sent_again_and_not_for_ever() -> None:
    conflict = "ConditionalRequestConflict"
    twice = S3(*[refusal(conflict, 409)] * 2)
    assert storage(twice).create("lock.json", b"mine") == '"etag"'
    assert twice.taken == 1
    always = S3(*[refusal(conflict, 409)] * 9)
    with pytest.raises(AwsRefused) as error:
        storage(always).create("lock.json", b"mine")
    assert (error.value.code, always.taken) == (conflict, 0)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, Throttled),
        ("ThrottlingException", 400, Throttled),
        ("RequestLimitExceeded", 503, Throttled),
        ("SlowDown", 503, Throttled),
        ("InternalFailure", 500, NoAnswer),
        ("ServiceUnavailable", 503, NoAnswer),
        ("InvalidParameterValue", 400, AwsRefused),
        ("OperationInProgressFailure", 400, Busy),
        ("SourceBundleDeletionFailure", 400, AwsRefused),
        ("InsufficientPrivilegesException", 403, AwsRefused),
        ("ExpiredToken", 403, AwsRefused),
        ("SomethingNew", 400, AwsRefused),
    ],
)
def test_what_a_refusal_becomes_follows_its_code_on_the_wire(code: str, status: int, kind: type[EbcdError]) -> None:
    with pytest.raises(EbcdError) as error, answering("elasticbeanstalk:UpdateEnvironment"):
        raise refusal(code, status)
    assert type(error.value) is kind
    assert "elasticbeanstalk:UpdateEnvironment" in error.value.what
    if kind is AwsRefused:
        assert error.value.code == code, "callers decide by it"
