"""What a job asks for, and how it is done: outside of any transaction, since mail and storage may be slow. Whatever is
done here may be done twice.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO

from aespo import export
from aespo.adapters import Adapters, objects
from aespo.db.engine import Database
from aespo.db.queries import jobs, site
from aespo.db.tx import Tx


@dataclass(frozen=True, slots=True)
class Jobs:
    """Does the jobs of workspaces."""

    database: Database
    around: Adapters

    def do(self, tenant_id: int, job: Any) -> int:
        """Do a job that was taken; the bytes that it keeps in storage. Raises whatever went wrong."""
        match job.kind:
            case "mail":
                self._mail(tenant_id, job.content["mail"])
            case "export":
                return self._export(tenant_id, job.id)
            case "files":
                self.around.objects.delete_below(objects.note_key(tenant_id, job.content["note"], job.content["file"]))
            case other:
                raise ValueError(f"no such kind of job: {other}")
        return 0

    def _mail(self, tenant_id: int, mail_id: str) -> None:
        with self.database.tenant(tenant_id) as connection:
            mail = jobs.mail(Tx(connection, tenant_id), mail_id)
        if mail is None:
            return
        self.around.mail.send(mail.recipient, mail.subject, mail.body)
        with self.database.tenant(tenant_id) as connection:
            jobs.mail_sent(Tx(connection, tenant_id), mail_id, stays=self.around.mail.stays)

    def _export(self, tenant_id: int, job_id: str) -> int:
        """Build an export in a file, not in memory, and keep it in the place of earlier ones; its bytes."""
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                with self.database.tenant(tenant_id) as connection:
                    attached = export.write_rows(archive, Tx(connection, tenant_id))
                for item in attached:
                    self._hold(tenant_id, job_id)
                    export.write_file(archive, item, self._content(tenant_id, item))
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            self._hold(tenant_id, job_id)
            self._keep(tenant_id, objects.export_key(tenant_id, job_id), file)
        self._drop_earlier(tenant_id, job_id)
        return size

    def _keep(self, tenant_id: int, key: str, file: BinaryIO) -> None:
        """Keep an export, unless its workspace was deleted meanwhile: then nobody else would delete the file."""
        self.around.objects.put(key, file)
        with self.database.tenant(tenant_id) as connection:
            there = site.exists(connection, tenant_id)
            if there:
                Tx(connection, tenant_id, actor="Aespo").audit("built", "the export")
        if not there:
            self.around.objects.delete_below(key)

    def _drop_earlier(self, tenant_id: int, job_id: str) -> None:
        """Delete the exports that this one follows: the files first, while their rows still tell of them."""
        with self.database.tenant(tenant_id) as connection:
            earlier = jobs.built_exports(Tx(connection, tenant_id), but=job_id)
        for item in earlier:
            self.around.objects.delete_below(objects.export_key(tenant_id, item))
        with self.database.tenant(tenant_id) as connection:
            jobs.forget_exports(Tx(connection, tenant_id), earlier)

    def _hold(self, tenant_id: int, job_id: str) -> None:
        with self.database.tenant(tenant_id) as connection:
            jobs.hold(Tx(connection, tenant_id), job_id)

    def _content(self, tenant_id: int, item: export.Attached) -> bytes | None:
        try:
            return self.around.objects.get(objects.note_key(tenant_id, item.note_id, item.id))
        except FileNotFoundError:
            return None  # it was deleted meanwhile
