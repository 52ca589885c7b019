"""Makes the pages that say what the code says: each command, each key of ebcd.toml, and the manual pages.

`commands` reads the command line and `keys` the schema of ebcd.toml; `pages` writes Markdown, `manual` writes man
pages; `site` puts the site's folder together, with the pages of docs/ that people write. `python -m reference FOLDER`
does all of it.
"""
