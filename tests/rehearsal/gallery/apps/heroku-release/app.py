from pathlib import Path

from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return Path("made").read_text()
