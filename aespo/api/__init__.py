"""The JSON API below /api/v1 of each workspace's host, for programs with a token of it.

v1         what can be asked
represent  how notes and tasks look as JSON, with their ETags
openapi    the description of it all, made from the same types
"""
