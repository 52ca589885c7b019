"""A program that tells what a process finds when it starts. Importing it sets a variable, as ebcd_local does."""

import os

os.environ["SET_BY_AN_IMPORT"] = "1"
