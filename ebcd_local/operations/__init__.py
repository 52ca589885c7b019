"""What each operation of the service does: one function an operation, found by its name.

A function takes the `Call` (where and by whom it was made) and the parsed input, and returns the output as the model
shapes it. Refusals are `ServiceError`.
"""

from __future__ import annotations

from ebcd_local.errors import ServiceError
from ebcd_local.operations import (
    applications,
    configuration,
    creation,
    environments,
    insight,
    lifecycle,
    logs,
    managed_actions,
    platforms,
    quotas,
    tags,
    templates,
    versions,
)
from ebcd_local.operations.call import Call, Operation

_SERVED: dict[str, Operation] = {
    **applications.SERVED,
    **versions.SERVED,
    **creation.SERVED,
    **environments.SERVED,
    **insight.SERVED,
    **logs.SERVED,
    **templates.SERVED,
    **configuration.SERVED,
    **lifecycle.SERVED,
    **managed_actions.SERVED,
    **tags.SERVED,
    **quotas.SERVED,
    **platforms.SERVED,
}


def find(name: str) -> Operation:
    """The function of an operation. Raises ServiceError for one that is not served yet."""
    if name not in _SERVED:
        raise ServiceError("InvalidRequest", f"{name} is not served by the local Beanstalk.")
    return _SERVED[name]


__all__ = ["Call", "find"]
