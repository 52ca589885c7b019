from flask import Flask

from ledger.book import lines

app = Flask(__name__)


@app.get("/healthz")
def healthz():
    return "ok"


@app.get("/")
def index():
    return f"{len(lines())} lines"
