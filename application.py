"""What Elastic Beanstalk serves: `application`. Run as a program it is a development server on loopback."""

import os
from pathlib import Path

from aespo.web import create_application

application = create_application(os.environ, root=Path(__file__).resolve().parent)

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    application.logger.warning("Aespo at http://localhost:%s, a workspace at http://acme.localhost:%s", port, port)
    application.run(host="127.0.0.1", port=port, use_reloader=True)
