"""What forbids a release before it begins."""

from __future__ import annotations

import pytest
from stages import environment

from ebcd.errors import Refused
from ebcd.model import ManagedAction, OptionSetting, Strategy
from ebcd.release.preflight import Sight, refuse


def sight(*settings: tuple[str, str], action: str = "") -> Sight:
    options = tuple(OptionSetting("aws:rds:dbinstance", name, value) for name, value in settings)
    actions = (ManagedAction("pu-1", "Update to 4.7.1", action),) if action else ()
    return Sight(environment(1, live=True), 1, options, actions)


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (sight(("DBEngine", "postgres")), "attached-database"),
        (sight(("DBEngine", "postgres"), ("HasCoupledDatabase", "true")), "attached-database"),
        (sight(action="Running"), "managed-update"),
        (sight(action="Pending"), "managed-update"),
    ],
)
def test_what_would_lose_something_is_refused_with_a_way_out(seen: Sight, code: str) -> None:
    with pytest.raises(Refused) as error:
        refuse(seen, Strategy.BLUE_GREEN)
    assert error.value.code == code
    assert error.value.hint


@pytest.mark.parametrize(
    "seen", [sight(), sight(("DBEngine", "postgres"), ("HasCoupledDatabase", "false")), sight(action="Scheduled")]
)
def test_what_is_harmless_is_not(seen: Sight) -> None:
    refuse(seen, Strategy.BLUE_GREEN)
