"""What the options of aws:elasticbeanstalk:sqsd say.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
"""

from __future__ import annotations

from dataclasses import dataclass

from ebcd_local import option_table
from ebcd_local.options import Options

NAMESPACE = "aws:elasticbeanstalk:sqsd"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a worker's queue is read. Times are seconds."""

    queue_url: str
    """Of a queue that is there already; empty: the environment has one of its own."""
    path: str
    mime_type: str
    connections: int
    """Messages that one instance works on at most at the same time."""
    connect_timeout: int
    inactivity_timeout: int
    """That an answer may take."""
    visibility_timeout: int
    error_visibility_timeout: int
    """After which a message that failed is tried again."""
    retention: int
    max_retries: int
    """Receipts after which a message goes to the dead-letter queue."""

    @classmethod
    def of(cls, options: Options) -> Settings:
        """From effective option settings."""

        def value(name: str) -> str:
            option = option_table.find(NAMESPACE, name)
            return options.get((NAMESPACE, name)) or (option.default if option else "") or ""

        path = value("HttpPath")
        return cls(
            queue_url=value("WorkerQueueURL"),
            path=path if path.startswith("/") else f"/{path}",
            mime_type=value("MimeType"),
            connections=int(value("HttpConnections")),
            connect_timeout=int(value("ConnectTimeout")),
            inactivity_timeout=int(value("InactivityTimeout")),
            visibility_timeout=int(value("VisibilityTimeout")),
            error_visibility_timeout=int(value("ErrorVisibilityTimeout")),
            retention=int(value("RetentionPeriod")),
            max_retries=int(value("MaxRetries")),
        )
