"""The gallery's applications are shipped, not collected: their own tests are theirs."""

collect_ignore = ["apps"]
