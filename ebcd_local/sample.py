"""The sample application: what an environment runs that is created without a version.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_CreateEnvironment.html
"""

from __future__ import annotations

import zipfile
from pathlib import Path

LABEL = "Sample Application"
_APPLICATION = '''"""The sample application of the local Beanstalk."""

PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sample application</title>
<meta name="color-scheme" content="light dark">
<body style="font: 1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem">
<h1>It runs.</h1>
<p>This environment was created without a version, so it runs the sample application. Deploy a version of your own:</p>
<pre>eb deploy</pre>
</body></html>
"""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    return [PAGE]
'''


def write(path: Path) -> None:
    """Write its source bundle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("application.py", _APPLICATION)
