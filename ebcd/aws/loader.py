"""botocore's loader of service models, without its look at all 400 services whenever one is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader, create_loader

from ebcd.aws.models import ModelFiles


class ServiceLoader(Loader):  # type: ignore[misc]
    """Finds what botocore's own finds, in the same folders; reads of it what ebcd needs (`models`)."""

    @classmethod
    def of(cls, session: Any, kept: Path | None) -> ServiceLoader:
        """The loader with the session's data path (AWS_DATA_PATH). kept: where cut models are kept; None: nowhere."""
        return cls(
            extra_search_paths=create_loader(session.get_config_variable("data_path")).search_paths,
            file_loader=ModelFiles(kept),
            include_default_search_paths=False,
        )

    def list_available_services(self, type_name: str) -> Collection[str]:
        """The services, looked up one by one; the list is made only where somebody wants it whole."""
        return _Services(self, type_name)


class _Services(Collection[str]):
    def __init__(self, loader: ServiceLoader, type_name: str) -> None:
        self._loader, self._type = loader, type_name

    def __contains__(self, name: object) -> bool:
        try:
            return bool(self._loader.list_api_versions(name, self._type))
        except DataNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(Loader.list_available_services(self._loader, self._type))

    def __len__(self) -> int:
        return len(list(iter(self)))
