from flask import Flask


def create_app(config=None):
    app = Flask(__name__)
    app.config.update(config or {})

    from . import orders

    app.register_blueprint(orders.bp, url_prefix="/orders")

    @app.route("/")
    def index():
        return "the shop is open"

    return app
