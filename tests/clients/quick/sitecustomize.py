"""Imported by each Python program that a test runs in a shell: what it sleeps is divided as the server's times are.

The official `eb` asks for events every five seconds. It is as installed, and its clock is as quick as the server's.
"""

import time

SPEED = 4.0
_sleep = time.sleep
time.sleep = lambda seconds: _sleep(seconds / SPEED)
