"""The small product that rehearsals ship: its server, which goes bad as the file `mode` says, and its ebcd.toml."""

APPLICATION = '''
import json, os, pathlib, resource, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODE = pathlib.Path("mode").read_text().strip()
MANIFEST = json.loads(pathlib.Path(".ebcd/manifest.json").read_text())
seen = []

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = 200
        if MODE == "smoke-500" and self.path == "/smoke":
            status = 500
        if MODE == "turns-bad" and self.path == "/smoke" and live(self):
            seen.append(1)
            status = 200 if len(seen) == 1 else 500
        if MODE == "leaks" and self.path == "/" and live(self):
            leak()
        if MODE == "unhealthy" and self.path == "/healthz":
            status = 503
        if MODE == "slow" and self.path == "/version" and live(self):
            time.sleep(0.4)
        if MODE == "fails-some" and self.path.startswith("/some"):
            status = 500
        host = self.headers.get("Host", "")
        if host.startswith("nobody."):
            status = 404
        if MODE == "fails-one-tenant" and host.startswith("globex."):
            status = 500
        if MODE == "fails-one-tenant-live" and host.startswith("globex.") and live(self):
            status = 500
        if MODE == "tenant-turns-bad" and host.startswith("globex.") and live(self):
            seen.append(1)
            status = 200 if len(seen) == 1 else 500
        if MODE == "takes-any-tenant" and host.startswith("nobody."):
            status = 200
        if MODE == "fails-live" and self.path == "/smoke" and live(self):
            status = 500
        body = json.dumps(MANIFEST).encode()
        given, token = self.headers.get("Authorization"), os.environ.get("TENANTS_TOKEN")
        if self.path == "/tenants":
            names = () if MODE == "names-nobody" else ("acme.", "globex.")
            body = json.dumps([name + os.environ["CNAME"] for name in names]).encode()
            if token and given != "Bearer " + token:
                status = 401
        elif given:
            status = 500
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

def live(handler):
    """Whether the request came through the live URL: by then the environment's own listener is another port."""
    return handler.headers.get("X-Forwarded-Port") == os.environ.get("LIVE_PORT")

def leak():
    """Keep 1 MB more; the process ends when it has no memory left, as the kernel ends one."""
    try:
        seen.append(bytearray(1 << 20))
    except MemoryError:
        os._exit(137)

if MODE == "leaks":
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (400 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
if MODE == "crash":
    print("the database password is missing", flush=True)
    sys.exit(3)
ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''

CONFIGURATION = """
application = "{application}"
region = "eu-central-1"
default_stage = "local"
[stages.local]
target = "local"
stable = "0s"
timeout = "20s"
bake = "0s"
keep = "0s"
[stages.local.smoke]
path = "/smoke"
attempts = 2
[stages.local.proof]
path = "/version"
[stages.local.options."aws:elasticbeanstalk:application"]
"Application Healthcheck URL" = "/healthz"
[stages.local.env]
LIVE_PORT = "{live_port}"
"""

ROLLING = """
[stages.local.options."aws:autoscaling:asg"]
MinSize = 2
[stages.local.options."aws:elasticbeanstalk:command"]
DeploymentPolicy = "Rolling"
BatchSizeType = "Fixed"
BatchSize = 1
"""
"""Option settings by which an update in place loses no request."""
