"""Models of csrc/web on every machine there is: native, and both modules in Node."""

import pytest

from web_machine import MACHINES, machine, make_bundle, open_bundle


@pytest.fixture(params=MACHINES)
def web(request):
    """Each machine in turn; skips where it cannot run."""
    return machine(request.param)


@pytest.fixture
def web_model(web, tmp_path):
    """web_model(name, storage="BF16", **options of make_bundle) -> a tiny model, opened; closed after the test."""
    opened = []

    def web_model(name, storage="BF16", **options):
        path = make_bundle(tmp_path / f"{name}.pfweb", name, storage, **options)
        opened.append(open_bundle(web, path))
        return opened[-1]

    yield web_model
    for model in opened:
        model.close()
