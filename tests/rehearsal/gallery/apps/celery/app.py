from flask import Flask

from tasks import add

app = Flask(__name__)


@app.route("/")
def index():
    return str(add(2, 3))
