"""Which requirements a source bundle has, each pinned to the hashes of its files, and their wheels.

files of the commit ─ lines, pylock ─► lock (which of them decides) ─► choose, wheels (the wheels) ─ text ─► the bundle
"""
