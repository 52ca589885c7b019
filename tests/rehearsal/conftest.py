"""What rehearsals are given: a local Beanstalk, and products to ship to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from products import Cloud, Product, make_product, running_cloud


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as found:
        yield found


@pytest.fixture
def products(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[[], Product]]:
    """Makes products, each an application of its own. What they ran is ended: it would slow the tests that follow."""
    everything: list[Product] = []

    def make() -> Product:
        everything.append(make_product(cloud, tmp_path))
        return everything[-1]

    yield make
    for made in everything:
        made.remove()


@pytest.fixture
def product(products: Callable[[], Product]) -> Product:
    return products()
