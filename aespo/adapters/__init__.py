"""What the application uses of its surroundings, each behind a small interface: AWS in a deployment, a twin locally.

objects   files of workspaces: S3, or a table of the database; or a folder, where one is named
mail      SES, or nothing but the outbox page
queue     ids of background jobs: a table of the database; what takes its time goes on to SQS where there is one
secrets   settings that are kept elsewhere: Secrets Manager and SSM, or files
"""

from __future__ import annotations

from dataclasses import dataclass

from aespo.adapters import mail, objects
from aespo.adapters.queue import FAST, Queue, SqsQueue, TableQueue
from aespo.adapters.table_objects import TableObjects
from aespo.db.engine import Database
from aespo.settings import Settings


@dataclass(frozen=True, slots=True)
class Adapters:
    """The surroundings of one process."""

    objects: objects.Objects
    mail: mail.Mail
    queue: Queue
    """Of exports and deletions, which take their time."""
    mail_queue: Queue
    """Of mail, which waits for none of those."""


def connect(settings: Settings, database: Database) -> Adapters:
    """The adapters that the settings name."""
    return Adapters(
        _objects(settings, database),
        mail.SesMail(settings.mail_from) if settings.mail_from else mail.NoMail(),
        SqsQueue(settings.queue_url, database) if settings.queue_url else TableQueue(database),
        TableQueue(database, FAST),
    )


def _objects(settings: Settings, database: Database) -> objects.Objects:
    if settings.bucket:
        return objects.S3Objects(settings.bucket)
    return objects.FolderObjects(settings.files) if settings.files else TableObjects(database)
