"""ebcd.toml → Configuration → Stage.

`schema` lists every key, `values` turns what TOML says into what a key means, `read` finds the file and reads it,
`select` chooses a stage, `preview` makes one of another for a branch.
"""

from ebcd.config.read import load
from ebcd.config.select import select_stage

__all__ = ["load", "select_stage"]
