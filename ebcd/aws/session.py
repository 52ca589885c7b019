"""From a region, a profile and an endpoint to clients that answer in ebcd's own types and errors."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from ebcd.errors import AwsRefused, EbcdError, NoAnswer, Throttled, UsageError

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"}
)
_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_PERMISSION = frozenset(
    {"AccessDenied", "AccessDeniedException", "InsufficientPrivilegesException", "UnauthorizedOperation"}
)

_SIGN_IN = "Sign in or choose a profile: aws sso login, --profile NAME, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


@dataclass(frozen=True, slots=True)
class Access:
    """How AWS is reached."""

    region: str
    profile: str | None = None
    endpoint_url: str | None = None
    """Another endpoint for every service: the local Beanstalk's, or AWS_ENDPOINT_URL's."""
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    read_timeout: float = 20.0
    """Seconds that an answer may take; what was asked is unanswered then, and reads are asked again."""


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3 clients. Reads are retried by botocore; mutations are sent once, what happened is then read."""

    beanstalk: Any
    beanstalk_once: Any
    s3: Any
    sts: Any


def connect(access: Access) -> Clients:
    """Clients for that access. Raises UsageError for an unknown profile or a missing region. Sends nothing."""
    try:
        session = boto3.Session(
            profile_name=access.profile,
            region_name=access.region,
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
        )

        run = f"run/{secrets.token_hex(4)}"  # so that CloudTrail tells one run's calls from another's

        def client(service: str, attempts: int) -> Any:
            config = Config(
                connect_timeout=5,
                read_timeout=access.read_timeout,
                retries={"mode": "standard", "total_max_attempts": attempts},
                user_agent_appid="ebcd",
                user_agent_extra=run,
                s3={"addressing_style": "path"} if access.endpoint_url else {},
            )
            return session.client(service, endpoint_url=access.endpoint_url, config=config)

        return Clients(
            beanstalk=client("elasticbeanstalk", 6),
            beanstalk_once=client("elasticbeanstalk", 1),
            s3=client("s3", 5),
            sts=client("sts", 4),
        )
    except ProfileNotFound as error:
        raise UsageError(str(error), hint="aws configure list-profiles") from error
    except NoRegionError as error:
        raise UsageError("No region is set.", hint="Set region in ebcd.toml, --region, or AWS_REGION.") from error


@contextmanager
def answering(operation: str) -> Iterator[None]:
    """Turn botocore's exceptions into ebcd's, naming the operation (`service:Operation`)."""
    try:
        yield
    except ClientError as error:
        raise _refusal(operation, error) from error
    except BotoCoreError as error:
        raise _unanswered(operation, error) from error


def error_code(error: ClientError) -> str:
    """The service's error code."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _refusal(operation: str, error: ClientError) -> EbcdError:
    code, message = error_code(error), str(error.response.get("Error", {}).get("Message", ""))
    what = f"AWS refused {operation}."
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    if code in _THROTTLED:
        return Throttled(f"AWS throttled {operation}.", why=message, hint="Run the same command again.")
    if code in _CREDENTIALS:
        return AwsRefused(what, why=f"{code}: {message}", hint=_SIGN_IN, code=code)
    if code in _PERMISSION or status == 403:
        return AwsRefused(what, why=f"{code}: {message}", code=code,
                          hint=f"Allow {operation} for these credentials, or use others: --profile NAME.")  # fmt: skip
    if status >= 500:
        return NoAnswer(f"AWS failed on {operation}.", why=f"{code}: {message}", hint="Run the same command again.")
    return AwsRefused(what, why=f"{code}: {message}", code=code, hint="ebcd status shows what is there now.")


def _unanswered(operation: str, error: BotoCoreError) -> EbcdError:
    if isinstance(
        error, NoCredentialsError | PartialCredentialsError | UnauthorizedSSOTokenError | TokenRetrievalError
    ):
        return AwsRefused("There are no usable AWS credentials.", why=str(error), hint=_SIGN_IN, code="no-credentials")
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return AwsRefused(f"AWS could not be reached for {operation}.", why=str(error), code="unreachable",
                          hint="Check the network, --region and --endpoint-url.")  # fmt: skip
    if isinstance(error, HTTPClientError):
        return NoAnswer(f"No answer came to {operation}.", why=str(error), hint="Run the same command again.")
    return AwsRefused(f"{operation} could not be sent.", why=str(error), code="request")
