"""How services word that a request's signature is not good: S3, EC2, those that speak JSON, and the others.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from enum import Enum, auto

from ebcd_local.errors import ServiceError


class Reason(Enum):
    """What is wrong with a signature."""

    INCOMPLETE = auto()
    """It is none, or says too little."""
    UNKNOWN_KEY = auto()
    WRONG_TOKEN = auto()
    """The session's token is missing, or another one's."""
    EXPIRED_TOKEN = auto()
    MISMATCH = auto()
    OTHER_CONTENT = auto()
    """The body is not the one that was signed."""
    SKEWED = auto()
    """The client's clock and the server's differ."""
    EXPIRED_URL = auto()
    NOT_SIGNED = auto()
    """A presigned URL was sent with a header that it does not name."""


_MISMATCH = "The request signature we calculated does not match the signature you provided. "
_LONG = (
    f"{_MISMATCH}Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_INVALID, _EXPIRED = (
    "The security token included in the request is invalid.",
    ("The security token included in the request is expired"),
)
_LATE = "Signature expired: its time and the server's are more than 15 min. apart."
_S3 = {
    Reason.INCOMPLETE: ServiceError("AuthorizationHeaderMalformed", "The authorization header is malformed.", 400),
    Reason.UNKNOWN_KEY: ServiceError(
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
    ),
    Reason.WRONG_TOKEN: ServiceError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
    Reason.EXPIRED_TOKEN: ServiceError("ExpiredToken", "The provided token has expired.", 400),
    Reason.MISMATCH: ServiceError("SignatureDoesNotMatch", f"{_MISMATCH}Check your key and signing method.", 403),
    Reason.OTHER_CONTENT: ServiceError(
        "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", 400
    ),
    Reason.SKEWED: ServiceError(
        "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403
    ),
    Reason.EXPIRED_URL: ServiceError("AccessDenied", "Request has expired", 403),
    Reason.NOT_SIGNED: ServiceError(
        "AccessDenied", "There were headers present in the request which were not signed", 403
    ),
}
_AUTH_FAILURE = ServiceError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
_EC2 = dict.fromkeys(Reason, _AUTH_FAILURE) | {
    Reason.SKEWED: ServiceError("RequestExpired", "Request has expired.", 400),
    Reason.EXPIRED_TOKEN: ServiceError("RequestExpired", "Request has expired.", 400),
}
_UNRECOGNIZED = ServiceError("UnrecognizedClientException", _INVALID, 400)
_JSON = dict.fromkeys(Reason, ServiceError("InvalidSignatureException", _LONG, 400)) | {
    Reason.INCOMPLETE: ServiceError("IncompleteSignatureException", "The signature says too little.", 400),
    Reason.UNKNOWN_KEY: _UNRECOGNIZED,
    Reason.WRONG_TOKEN: _UNRECOGNIZED,
    Reason.EXPIRED_TOKEN: ServiceError("ExpiredTokenException", _EXPIRED, 400),
    Reason.SKEWED: ServiceError("InvalidSignatureException", _LATE, 400),
}
_CLIENT = ServiceError("InvalidClientTokenId", _INVALID, 403)
_QUERY = dict.fromkeys(Reason, ServiceError("SignatureDoesNotMatch", _LONG, 403)) | {
    Reason.INCOMPLETE: ServiceError("IncompleteSignature", "The signature says too little.", 400),
    Reason.UNKNOWN_KEY: _CLIENT,
    Reason.WRONG_TOKEN: _CLIENT,
    Reason.EXPIRED_TOKEN: ServiceError("ExpiredToken", _EXPIRED, 403),
    Reason.SKEWED: ServiceError("SignatureDoesNotMatch", _LATE, 403),
}


def refusal(reason: Reason, service: str, *, json: bool) -> ServiceError:
    """The error of a service. json: whether it speaks JSON."""
    words = {"s3": _S3, "ec2": _EC2}.get(service) or (_JSON if json else _QUERY)
    found = words[reason]
    return ServiceError(found.code, found.message, found.status)
