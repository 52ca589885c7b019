"""The next command where a stage has no release that is live. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ebcd.model import Target

if TYPE_CHECKING:
    from ebcd.model import Stage


def first_ship(stage: Stage) -> str:
    """The command that ships a stage's first release. A stage that no ebcd.toml declares and no release tells of cannot
    be shipped: there the command shows which applications there are, for its names may be mistyped.
    """
    if not stage.named_only:
        return stage.flags.of("ship")
    if stage.target is Target.LOCAL:
        shown = "ebcd local status"
    else:
        shown = stage.aws("elasticbeanstalk", "describe-environments")
    return f"{shown} shows what there is. A first release is shipped beside its ebcd.toml, which ebcd init writes."
