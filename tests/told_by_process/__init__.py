"""A program that tells what a process finds when it starts. Its import sets a variable, as the local Beanstalk's does."""

import os

os.environ["SET_BY_AN_IMPORT"] = "1"
