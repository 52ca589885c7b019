from pathlib import Path

from django.db import connection
from django.http import HttpResponse

from .models import Note


def index(request):
    Note.objects.create(text="seen")
    return HttpResponse(f"{connection.vendor} {Note.objects.count()} notes")


def version(request):
    return HttpResponse(Path(".ebcd/manifest.json").read_text(), content_type="application/json")
