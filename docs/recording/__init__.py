"""Makes the pictures of the documentation from real runs: `make pictures`.

`terminal` runs a command in a terminal of a width and draws its screen, `story` is what is shown: one application
that is shipped to a local Beanstalk of its own, broken and brought back; `pages` takes pictures of the console
in Chromium.
"""
