"""A repository → its first ebcd.toml, and what a release needs beside it.

`look` reads what is there and runs nothing of it, `decide` makes names and values of it that ebcd and Beanstalk take,
`text` writes them down. On the way from one to the other: `beside` (how it runs, and the files that it lacks) of

source ─► applications (what answers requests) ─► serve (the Procfile)
      ├─► routes (the path of the smoke test) · properties (what the code asks of its environment) · django
      └─► installed (requirements) · platforms · eb (what the EB CLI knows) ─► rest, workflows (the files themselves)
"""

from ebcd.init.decide import decide
from ebcd.init.look import look, root
from ebcd.init.text import text
from ebcd.init.words import Asked, Fact, Found, Missing, NewFile, Seen

__all__ = ["Asked", "Fact", "Found", "Missing", "NewFile", "Seen", "decide", "look", "root", "text"]
