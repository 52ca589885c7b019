import os

from celery import Celery

celery = Celery("tasks", broker=os.environ.get("BROKER_URL", "memory://"))


@celery.task
def add(x, y):
    return x + y
