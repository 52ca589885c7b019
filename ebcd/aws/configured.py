"""What is wrong with a caller's AWS configuration, in ebcd's own errors: files, profiles, variables, credentials.

botocore reads all of it, and raises whatever came up: its own exceptions for what it expects, and Python's for the
rest (a missing program, a number that is none). Every one of them is about the caller's set-up, none is a defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ebcd.errors import AwsRefused, EbcdError, UsageError

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError

SIGN_IN = "Sign in or choose a profile: aws sso login, --profile NAME, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
_WHERE = (
    "Correct it where it is set: the files of `aws configure` (AWS_CONFIG_FILE), or a variable that begins with AWS_."
)
_HOLDING_SECRETS = ("CredentialRetrievalError", "SSOTokenLoadError")
"""Exceptions whose texts quote what a program printed or a file holds."""


def isolated() -> dict[str, tuple[None, None, Any, Any]]:
    """botocore's settings, each with its default and read from nowhere.

    Where keys and an endpoint are given, no file and no variable of the caller's has a say: AWS_PROFILE may name a
    profile that this machine has not, and a file may be broken.
    """
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

    kept = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, "", None))
    return kept | nowhere


@contextmanager
def configured() -> Iterator[None]:
    """A block in which botocore reads the configuration. Raises UsageError for one that cannot be used."""
    from botocore.exceptions import BotoCoreError, ConfigParseError, NoRegionError, ProfileNotFound

    try:
        yield
    except ProfileNotFound as error:
        raise UsageError(
            f"{error}.",
            why="No file of AWS's configuration has it.",
            hint="aws configure list-profiles",
            code="no-profile",
        ) from error
    except NoRegionError as error:
        raise UsageError("No region is set.", hint="Set region in ebcd.toml, --region, or AWS_REGION.") from error
    except ConfigParseError as error:
        path = error.kwargs.get("path", "AWS's configuration file")
        raise UsageError(
            f"{path} cannot be read.",
            why="It is no file as `aws configure` writes them.",
            hint="Correct it, or name another file: AWS_CONFIG_FILE.",
            code="aws-configuration",
        ) from error
    except BotoCoreError as error:
        raise no_credentials(error) or _unusable(str(error)) from error  # of settings, which hold no secret
    except (ValueError, OSError) as error:  # a number that is none, an endpoint that is none
        raise _unusable(f"{type(error).__name__}: {error}") from error


@contextmanager
def usable_credentials() -> Iterator[None]:
    """A block in which botocore looks for credentials. Raises AwsRefused where those that are set up cannot be had.

    Their providers run programs, read files and ask servers, and let pass what any of that raises.
    """
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except (EbcdError, BotoCoreError):
        raise
    except FileNotFoundError as error:
        raise _missing(f"{error.filename} is not there") from error
    except (OSError, ValueError, KeyError, TypeError) as error:  # their texts may quote what a program printed
        raise _missing(f"where they come from fails ({type(error).__name__})") from error


def no_credentials(error: BotoCoreError) -> AwsRefused | None:
    """What to say where an exception is about credentials; None where it is about something else."""
    from botocore import exceptions

    about = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.MetadataRetrievalError,
        exceptions.UnknownCredentialError,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
        exceptions.RefreshWithMFAUnsupportedError,
        exceptions.InfiniteLoopConfigError,
        exceptions.InvalidConfigError,
    )
    if not isinstance(error, about):
        return None
    why = described(error) if type(error).__name__ in _HOLDING_SECRETS else str(error)
    return AwsRefused("There are no usable AWS credentials.", why=why, hint=SIGN_IN, code="no-credentials")


def described(error: BotoCoreError) -> str:
    """What kind of error botocore raises, and of which endpoint. Its own text may hold a header's or a parameter's
    value, or a URL's query.
    """
    place = urlsplit(str(error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or ""))
    host = place.netloc.rpartition("@")[2]
    at = f" at {place.scheme}://{host}{place.path}" if host else ""
    return f"{type(error).__name__}{at}."


def _missing(why: str) -> AwsRefused:
    return AwsRefused(
        "There are no usable AWS credentials.", why=f"Some are set up, and {why}.", hint=SIGN_IN, code="no-credentials"
    )


def _unusable(why: str) -> UsageError:
    return UsageError(
        "The AWS configuration of this machine cannot be used.", why=why, hint=_WHERE, code="aws-configuration"
    )
