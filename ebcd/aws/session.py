"""From a region, a profile and an endpoint to clients that answer in ebcd's own types and errors.

botocore is imported when the first client is needed: importing it takes longer than most commands of ebcd do.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ebcd.aws.configured import SIGN_IN, configured, described, isolated, no_credentials, usable_credentials
from ebcd.aws.credentials import refuse_stray_characters
from ebcd.errors import AwsRefused, Busy, EbcdError, NoAnswer, Throttled, Unreachable
from ebcd.proxies import is_loopback

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

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
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
PERMISSION = frozenset(
    {"AccessDenied", "AccessDeniedException", "InsufficientPrivilegesException", "UnauthorizedOperation"}
)
"""Codes of a refusal that another policy would lift."""

_IN_PROGRESS = frozenset({"OperationInProgressFailure", "OperationInProgressException"})
"""Codes of a refusal while something else is under way: the name on the wire, and the model's."""
_NOT_READY = ("Must be Ready", "It is currently pending")
"""The same in Beanstalk's own words, where the code is a general one: of a change, and of a termination.

Sources: https://github.com/aws/aws-elastic-beanstalk-cli, ebcli/resources/strings.py (env.invalidstate);
https://github.com/aws/aws-elastic-beanstalk-cli-setup/issues/144
"""

_CONNECTIONS = 16
"""Connections that a client keeps open."""
_BULK_TIMEOUT = 180
"""Seconds within which S3 must have copied a part or joined an upload."""

_LOCAL = 'The local Beanstalk takes its own key: eval "$(ebcd local env)".'


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
    models: Path | None = None
    """Where botocore's models are kept, cut down to what ebcd calls; None: nowhere."""


class Clients:
    """botocore clients, each made when it is first used. Reads are retried by botocore; mutations are sent once, what
    happened is then read.
    """

    def __init__(self, access: Access) -> None:
        """Raises UsageError for a configuration that cannot be used. Sends nothing."""
        self._access = access
        self._run = f"run/{secrets.token_hex(4)}"  # so that CloudTrail tells one run's calls from another's
        self._making = threading.Lock()  # a session is not made for threads, its clients are
        with configured():
            self._session = _session(access)

    @cached_property
    def beanstalk(self) -> Any:
        """Elastic Beanstalk, for what may be repeated."""
        return self._client("elasticbeanstalk", 6)

    @cached_property
    def beanstalk_once(self) -> Any:
        """Elastic Beanstalk, for what is sent once."""
        return self._client("elasticbeanstalk", 1)

    @cached_property
    def ec2(self) -> Any:
        """EC2, for what may be repeated; not often, since nothing depends on it."""
        return self._client("ec2", 2)

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self._client("s3", 5)

    @cached_property
    def s3_bulk(self) -> Any:
        """S3, for what moves or joins many megabytes and may be silent for long."""
        return self._client("s3", 5, read_timeout=_BULK_TIMEOUT)

    @cached_property
    def sts(self) -> Any:
        """STS."""
        return self._client("sts", 4)

    @cached_property
    def iam(self) -> Any:
        """IAM."""
        return self._client("iam", 4)

    @cached_property
    def cloudformation(self) -> Any:
        """CloudFormation, for what may be repeated: reads, and changes that a token makes one."""
        return self._client("cloudformation", 6)

    @cached_property
    def cloudwatch(self) -> Any:
        """CloudWatch, of which ebcd only reads."""
        return self._client("cloudwatch", 4)

    def _client(self, service: str, attempts: int, read_timeout: float = 0) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=read_timeout or self._access.read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=_CONNECTIONS,
            user_agent_appid="ebcd",
            user_agent_extra=self._run,
            s3={"addressing_style": "path"} if self._access.endpoint_url else {},
            proxies={} if is_loopback(self._access.endpoint_url or "") else None,  # {}: none; None: the environment's
        )
        with self._making, configured():
            self._find_credentials()
            client = self._session.create_client(service, endpoint_url=self._access.endpoint_url, config=config)
        client.meta.events.register_first("before-sign", self._look_at_credentials)
        return client

    def _find_credentials(self) -> None:
        """Find the credentials, which the session then keeps: what goes wrong there is told as what it is."""
        self._session.get_component("credential_provider")  # reads the settings of those who find them
        with usable_credentials():
            self._session.get_credentials()

    def _look_at_credentials(self, **_: Any) -> None:
        with usable_credentials():
            refuse_stray_characters(self._session.get_credentials())


def connect(access: Access) -> Clients:
    """Clients for that access. Raises UsageError for a configuration that cannot be used. Sends nothing."""
    return Clients(access)


def _session(access: Access) -> Any:
    from botocore.session import Session

    from ebcd.aws.loader import ServiceLoader

    own = bool(access.access_key_id and access.secret_access_key)
    session = Session(session_vars=isolated()) if own else Session(profile=access.profile)
    session.register_component("data_loader", ServiceLoader.of(session, access.models))
    session.set_config_variable("region", access.region)
    if own:
        session.set_credentials(access.access_key_id, access.secret_access_key)
    session.get_scoped_config()  # where an unknown profile shows
    return session


@contextmanager
def answering(operation: str, hide: Callable[[str], str] = str) -> Iterator[None]:
    """Turn botocore's exceptions into ebcd's, naming the operation (`service:Operation`).

    hide: takes out of the service's message what it may quote of the request.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refusal(operation, error, hide) from error
    except BotoCoreError as error:
        raise _unanswered(operation, error) from error


def error_code(error: Exception) -> str:
    """The service's error code; empty for an error that is no service's answer."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _refusal(operation: str, error: ClientError, hide: Callable[[str], str] = str) -> EbcdError:
    code, message = error_code(error), hide(str(error.response.get("Error", {}).get("Message", "")))
    what = f"AWS refused {operation}."
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    if code in _THROTTLED:
        return Throttled(f"AWS throttled {operation}.", why=message, hint="Run the same command again.")
    if code in _IN_PROGRESS or any(words in message for words in _NOT_READY):
        return Busy(what, why=f"{code}: {message}", hint="Run the same command again when that has ended.")
    if code in _CREDENTIALS:
        return AwsRefused(what, why=f"{code}: {message}", hint=f"{SIGN_IN} {_LOCAL}", code=code)
    if code in PERMISSION or status == 403:
        return AwsRefused(
            what,
            why=f"{code}: {message}",
            code=code,
            hint=f"Allow {operation} for these credentials, or use others: --profile NAME.",
        )
    if status >= 500:
        return NoAnswer(f"AWS failed on {operation}.", why=f"{code}: {message}", hint="Run the same command again.")
    hint = "Correct what it names, and run the same command again."
    return AwsRefused(what, why=f"{code}: {message}", code=code, hint=hint)


def _unanswered(operation: str, error: BotoCoreError) -> EbcdError:
    from botocore.exceptions import (
        ConnectTimeoutError,
        EndpointConnectionError,
        HTTPClientError,
        InvalidProxiesConfigError,
        ProxyConnectionError,
    )

    if problem := no_credentials(error):
        return problem
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return Unreachable(
            f"AWS could not be reached for {operation}.",
            why=described(error),
            hint="Check the network, --region and --endpoint-url.",
        )
    if isinstance(error, ProxyConnectionError | InvalidProxiesConfigError):
        return Unreachable(
            f"The proxy could not be reached for {operation}.",
            why=described(error),
            hint="Check HTTPS_PROXY, or let NO_PROXY name what needs none.",
        )
    if isinstance(error, HTTPClientError):
        return NoAnswer(f"No answer came to {operation}.", why=described(error), hint="Run the same command again.")
    return AwsRefused(f"{operation} could not be sent.", why=described(error), code="request")
