"""Whatever /openapi.json allows, and much that it does not: never a 500, never a word about this machine."""

import pytest

from qwen3_requests import BASE, CUSTOM

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
hypothesis = pytest.importorskip("hypothesis")

LEAKS = ("Traceback", "/tmp/", "/home/", "/root/", "/usr/", "site-packages", ".py")


POST = ("/generate", "/stream", "/tts", "/v1/audio/speech")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        *[("POST", path, mode) for path in POST for mode in ("POSITIVE", "NEGATIVE")],
        ("GET", "/v1/models/{name}", "POSITIVE"),
    ],
)
def test_any_request(client, method, path, mode):
    make_up_requests(client, method, path, mode)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
@pytest.mark.parametrize("path", ["/v1/audio/speech", "/generate"])
@pytest.mark.parametrize("model", [CUSTOM, BASE])
def test_any_request_to_the_second_family(sites, model, path, mode):
    make_up_requests(sites(model), "POST", path, mode)


def make_up_requests(client, method, path, mode):
    url = str(client.base_url)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    how = schemathesis.GenerationMode[mode]

    @hypothesis.settings(
        max_examples=25,
        phases=[hypothesis.Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=schema[path][method].as_strategy(generation_mode=how))
    def ask(case):
        answer = case.call(base_url=url, timeout=60)
        checks = (
            schemathesis.checks.not_a_server_error,
            schemathesis.checks.content_type_conformance,
            schemathesis.checks.response_schema_conformance,
        )
        if answer.status_code >= 400:
            case.validate_response(answer, checks=checks)
            assert not [leak for leak in LEAKS if leak in answer.text], answer.text

    ask()
    assert client.get("/health").status_code == 200
