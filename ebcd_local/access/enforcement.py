"""Judges requests: who calls, what is asked for, and AWS's own refusal where it is not allowed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import iam_backends

from ebcd_local import home, wire
from ebcd_local.access import beanstalk, callers, on_behalf, services, web_identity
from ebcd_local.access.callers import Caller
from ebcd_local.access.sessions import Sessions
from ebcd_local.access.statements import Asked, Decision, Document, trusts
from ebcd_local.errors import ServiceError
from ebcd_local.operations.call import Call, Structure
from ebcd_local.partitions import arn, partition
from ebcd_local.state import ACCOUNT
from ebcd_local.wire import Request

_PASSED = "Insufficient privileges for IAM PassRole Action."
_OF_S3 = (
    "You do not have permission to perform the '{}' action. Verify that your S3 policies and your ACLs allow you "
    "to perform these actions."
)
_FORBIDDEN = "Unable to download from S3 location (Bucket: {}  Key: {}). Reason: Forbidden"
_JSON_SERVICES = frozenset({"secretsmanager", "ssm", "kms", "dynamodb", "logs"})
_OF_IAM = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""What aws:RequestedRegion is for IAM, which is in no region: by partition."""


class Enforcement:
    """Every method raises ServiceError where something is not allowed."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def caller(self, environ: Mapping[str, Any], region: str) -> Caller:
        """Who makes a request."""
        query, key_id = parse_qs(environ.get("QUERY_STRING", "")), wire.key_id(environ)
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("X-Amz-Security-Token", [""])[0]
        if (session := self._sessions.find(key_id)) and session.token == token:
            key_id, token = session.parent, ""
        return callers.administrator(region) if key_id == home.ACCESS_KEY_ID else callers.find(key_id, token, region)

    def check_beanstalk(self, caller: Caller, call: Call, operation: str, given: Structure) -> None:
        """Judge a request to Elastic Beanstalk, and all that the service will do in the caller's name."""
        for item in beanstalk.asked(call, operation, given):
            if (decision := _decision(caller, item, call.region)) is not Decision.ALLOWED:
                raise ServiceError("AccessDenied", _refusal(caller, item, decision), 403)
        for item in on_behalf.asked(call, operation, given):
            if (decision := _decision(caller, item, call.region)) is not Decision.ALLOWED:
                raise _refused_on_behalf(caller, item, decision, operation)

    def check(self, environ: Mapping[str, Any], request: Request, body: Callable[[], bytes]) -> None:
        """Judge a request to another service. body: reads the request's, where that names what is asked for."""
        if (request.service, request.operation) == web_identity.OPERATION:
            _check_web_identity(request)
            return
        if request.service == "sts" and request.operation == "GetCallerIdentity":
            self.caller(environ, request.region)  # everybody may, with a key that is known
            return
        caller, items = self.caller(environ, request.region), services.asked(environ, request, body)
        if items is None and caller.arn != callers.administrator(request.region).arn:
            raise _denied(
                request.service,
                f"The local Beanstalk cannot judge this call of {request.service}, so it is "
                "allowed with the server's own key only.",
            )
        for item in items or ():
            if request.operation == "AssumeRole":
                _check_assumption(caller, item, request)
            elif (decision := _decision(caller, item, request.region)) is not Decision.ALLOWED:
                raise _denied(request.service, _refusal(caller, item, decision))

    def hides_missing(self, environ: Mapping[str, Any], request: Request) -> bool:
        """Whether S3 keeps from the caller that an object is not there: it may not list the bucket."""
        item = services.missing_object(request)
        if item is None:
            return False
        return _decision(self.caller(environ, request.region), item, request.region) is not Decision.ALLOWED


def _decision(caller: Caller, item: Asked, region: str) -> Decision:
    """Raises ServiceError for a policy with a condition operator that there is not."""
    requested = _OF_IAM.get(partition(region), region) if item.action.startswith("iam:") else region
    now = datetime.now(UTC)
    known = {
        "aws:requestedregion": [requested],
        "aws:securetransport": ["true"],  # nothing leaves the machine
        "aws:sourceip": ["127.0.0.1"],
        "aws:currenttime": [now.isoformat()],
        "aws:epochtime": [str(int(now.timestamp()))],
    }
    try:
        return caller.decision(Asked(item.action, item.resource, {**known, **item.context}))
    except ValueError as error:
        raise ServiceError("MalformedPolicyDocument", f"A policy of {caller.arn} cannot be judged: {error}.") from error


def _refusal(caller: Caller, item: Asked, decision: Decision) -> str:
    """AWS's words."""
    reason = decision.value.format(action=item.action)
    return f"User: {caller.arn} is not authorized to perform: {item.action} on resource: {item.resource} {reason}"


def _denied(service: str, message: str) -> ServiceError:
    if service == "ec2":
        return ServiceError(
            "UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403
        )
    if service in _JSON_SERVICES:
        return ServiceError("AccessDeniedException", message, 400)
    return ServiceError("AccessDenied", message, 403)


def _refused_on_behalf(caller: Caller, item: Asked, decision: Decision, operation: str) -> ServiceError:
    """What Beanstalk says where it may not do something in the caller's name."""
    place = item.resource.rpartition(":::")[2]
    if item.action == "iam:PassRole":
        return ServiceError("InsufficientPrivilegesException", _PASSED, 403)
    if operation == "CreateApplicationVersion":
        bucket, _, key = place.partition("/")
        return ServiceError("InvalidParameterValue", _FORBIDDEN.format(bucket, key))
    if item.action.startswith("s3:"):
        return ServiceError("InsufficientPrivilegesException", _OF_S3.format(item.action), 403)
    return ServiceError("InsufficientPrivilegesException", f"Access denied: {_refusal(caller, item, decision)}", 403)


def _check_assumption(caller: Caller, item: Asked, request: Request) -> None:
    """AssumeRole: the role must trust the caller by name; or its account, and then its own policies must allow it."""
    trust, external = _trust(item.resource), request.parameters.get("ExternalId")
    known = Asked(item.action, item.resource, {**caller.context, "sts:externalid": [external] if external else []})
    decision = _decision(caller, item, request.region)
    root = arn("iam", request.region, ACCOUNT, "root")
    itself = {caller.arn, *caller.context.get("aws:principalarn", ())}
    by_name = decision is not Decision.DENIED and trusts(trust, known, {"AWS": itself - {root}})
    by_account = decision is Decision.ALLOWED and trusts(trust, known, {"AWS": {root, ACCOUNT}})
    if not (by_name or by_account):
        raise _denied(
            "sts", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {item.resource}"
        )


def _check_web_identity(request: Request) -> None:
    """AssumeRoleWithWebIdentity: the role must trust what the token says, and its issuer be one of the account's."""
    told = web_identity.claims(request.parameters.get("WebIdentityToken", ""), time.time())
    issuer, audiences = told["iss"].removeprefix("https://"), web_identity.audiences(told)
    role_arn = request.parameters.get("RoleArn", "")
    where = role_arn.split(":")[1] if ":" in role_arn else "aws"
    name = f"arn:{where}:iam::{ACCOUNT}:oidc-provider/{issuer}"
    provider: Any = iam_backends[ACCOUNT][where].open_id_providers.get(name)
    if provider is None:
        raise ServiceError(
            "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{issuer}"
        )
    if not set(audiences) & set(provider.client_id_list):
        raise ServiceError("InvalidIdentityToken", "Incorrect token audience")
    known = {f"{issuer}:{key}".lower(): [str(value)] for key, value in told.items()} | {f"{issuer}:aud": audiences}
    asked = Asked("sts:AssumeRoleWithWebIdentity", role_arn, known)
    if not trusts(_trust(role_arn), asked, {"Federated": {name}}):
        raise ServiceError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)


def _trust(role_arn: str) -> Document:
    """A role's trust policy, by its ARN; a role that is not there trusts nobody."""
    where = role_arn.split(":")[1] if role_arn.startswith("arn:") else partition("")
    roles: Iterable[Any] = iam_backends[ACCOUNT][where].roles.values()
    document: Any = next((item.assume_role_policy_document for item in roles if item.arn == role_arn), {})
    return json.loads(document) if isinstance(document, str) else document  # type: ignore[no-any-return]
