"""A repository → its first ebcd.toml.

`look` reads what is there, `decide` makes names and values of it that ebcd and Beanstalk take, `text` writes them down.
"""

from ebcd.init.decide import decide
from ebcd.init.look import look, root
from ebcd.init.text import text
from ebcd.init.words import Asked, Fact, Found, Missing, Seen

__all__ = ["Asked", "Fact", "Found", "Missing", "Seen", "decide", "look", "root", "text"]
