from flask import Blueprint

bp = Blueprint("orders", __name__)


@bp.route("/health")
def health():
    return {"orders": "well"}
