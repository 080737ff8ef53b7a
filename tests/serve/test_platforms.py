from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.topology import Topology, TopologyInvalid, load
from agents.runtime.topology_platforms import Platform
from tests.serve.parts import OTHER_SECRET, SECRET
from tests.serve.receiver import encoded
from tools.context import encoded as encoded_for_people
from tools.drawing import data

SHIPPED = Path(__file__).resolve().parents[2] / "topology.yaml"
SECRETS = [encoded(SECRET)]
URL = "https://ads.example/onhand"


def topology_with(tmp_path: Path, environment: dict[str, str] | None = None, **platforms: Any) -> Topology:
    file = tmp_path / "topology.yaml"
    file.write_text(f"{SHIPPED.read_text(encoding='utf-8')}\nplatforms: {json.dumps(platforms)}\n", encoding="utf-8")
    return load(file, environment or {})


def mistakes_in(tmp_path: Path, **ads: Any) -> str:
    with pytest.raises(TopologyInvalid) as invalid:
        topology_with(tmp_path, ads=ads)
    return "\n".join(invalid.value.mistakes)


def test_nothing_is_sent_anywhere_by_default() -> None:
    assert load(SHIPPED, {}).platforms == {}


def test_a_platform_needs_an_address_and_a_secret_and_has_sensible_patience(tmp_path: Path) -> None:
    ads = topology_with(tmp_path, ads={"url": URL, "secrets": SECRETS, "timeout": "3s"}).platforms["ads"]
    assert ads == Platform("ads", URL, (SECRET,), timeout_ms=3_000)
    assert "url: is missing" in mistakes_in(tmp_path, secrets=SECRETS)
    assert "secrets: is missing" in mistakes_in(tmp_path, url=URL)


def test_secrets_come_from_the_environment_or_from_files_and_an_empty_one_is_not_in_use(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(encoded(OTHER_SECRET) + "\n")
    given = {"url": URL, "secrets": ["${ADS_SECRET}", "${ADS_BEFORE:-}"]}
    found = topology_with(tmp_path, {"ADS_SECRET_FILE": str(tmp_path / "secret")}, ads=given)
    assert found.platforms["ads"].secrets == (OTHER_SECRET,)
    both = {"ADS_SECRET": encoded(SECRET), "ADS_BEFORE": encoded(OTHER_SECRET)}
    assert topology_with(tmp_path, both, ads=given).platforms["ads"].secrets == (SECRET, OTHER_SECRET)
    with pytest.raises(TopologyInvalid, match="ADS_SECRET is not set"):
        topology_with(tmp_path, ads=given)


@pytest.mark.parametrize("secret", ["hush", "whsec_", "whsec_!!!!", encoded(b"short"), encoded(bytes(65))])
def test_a_weak_secret_is_refused_and_not_told(tmp_path: Path, secret: str) -> None:
    said = mistakes_in(tmp_path, url=URL, secrets=[secret])
    assert "24 to 64 random bytes" in said
    assert secret not in said or secret == "whsec_"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://ads.example/", False),
        ("http://localhost:8080/x", True),
        ("http://127.0.0.1/", True),
        ("http://[::1]:1/", True),
        ("ftp://ads.example/", False),
        ("ads.example", False),
        ("https://ann:pass@ads.example/", False),
        (URL, True),
    ],
)
def test_the_way_to_a_platform_is_encrypted_unless_it_stays_on_this_machine(
    tmp_path: Path, url: str, allowed: bool
) -> None:
    if allowed:
        assert topology_with(tmp_path, ads={"url": url, "secrets": SECRETS}).platforms["ads"].url == url
    else:
        assert "platforms.ads.url" in mistakes_in(tmp_path, url=url, secrets=SECRETS)


def test_who_knows_better_may_say_so(tmp_path: Path) -> None:
    inside = {"url": "http://ads.internal/", "plain_http": True, "secrets": SECRETS}
    assert topology_with(tmp_path, ads=inside).platforms["ads"].url == "http://ads.internal/"


@pytest.mark.parametrize(
    ("name", "value"),
    [("Webhook-Signature", "v1,x"), ("content-type", "text/plain"), ("X Y", "z"), ("X-Y", "a\r\nb: c"), ("X-Y", "é")],
)
def test_headers_can_neither_replace_ours_nor_smuggle_others(tmp_path: Path, name: str, value: str) -> None:
    assert f"headers.{name}" in mistakes_in(tmp_path, url=URL, secrets=SECRETS, headers={name: value})


def test_a_platform_delivered_elsewhere_needs_nothing_and_takes_nothing(tmp_path: Path) -> None:
    assert topology_with(tmp_path, ads={"elsewhere": True}).platforms["ads"].elsewhere
    assert "ads.url: is unknown" in mistakes_in(tmp_path, elsewhere=True, url=URL)


def test_back_off_and_certificate_are_checked(tmp_path: Path) -> None:
    said = mistakes_in(
        tmp_path, url=URL, secrets=SECRETS, first_back_off="2m", timeout=0, ca_file="nowhere.pem", concurrency=0
    )
    for path in ("longest_back_off", "timeout", "ca_file", "concurrency"):
        assert f"platforms.ads.{path}" in said


def test_the_topology_is_shown_without_secrets(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer hush"}
    topology = topology_with(tmp_path, ads={"url": URL, "secrets": SECRETS, "headers": headers})
    shown = encoded_for_people(data(topology))
    assert URL in shown
    assert "hush" not in shown
    assert SECRETS[0].removeprefix("whsec_") not in shown
    assert SECRET.hex() not in shown
