import re
from pathlib import Path

import pytest
from prometheus_client.core import Metric

from sopro_node.config import KNOWN, Settings, check_url, load_settings, write_settings
from sopro_node.node import Node
from sopro_node.telemetry import NodeMetrics
from sopro_protocol.errors import FormatError

PAGE = (Path(__file__).resolve().parents[2] / "node" / "README.md").read_text("utf-8")
ROWS = dict(
    re.findall(r"(?m)^\| `([a-z_]+)` \| `(.*?)` \| .+ \|$", PAGE.split("## Run", maxsplit=1)[0])
)


def load(folder: Path, text: str) -> Settings:
    (folder / "node.toml").write_text(text, "utf-8")
    return load_settings(folder)


def test_page_describes_every_setting_and_no_other() -> None:
    assert tuple(ROWS) == KNOWN


def test_defaults_of_the_page_are_those_of_the_code(tmp_path: Path) -> None:
    text = "".join(f"{name} = {default}\n" for name, default in ROWS.items())
    assert load(tmp_path, text) == Settings()


def test_page_names_every_metric(lone_node: Node) -> None:
    metrics: list[Metric] = NodeMetrics(lone_node).collect()
    names = {
        one.name + ("_total" if one.type == "counter" else "")
        for one in metrics
        if one.name.startswith("sopro_")
    }
    assert names == set(re.findall(r"(?m)^\| `(sopro_[a-z_]+)` \|", PAGE))


def test_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Settings()


def test_first_file_of_a_node_can_be_read_back(tmp_path: Path) -> None:
    write_settings(tmp_path, listen="[::1]:8440", url="https://at.sopro.example")
    settings = load_settings(tmp_path)
    assert settings.address == ("::1", 8440)
    assert settings.public_url == "https://at.sopro.example"


def test_other_file_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.toml").write_text("poll_seconds = 5\n")
    monkeypatch.setenv("SOPRO_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings(tmp_path / "anywhere").poll_seconds == 5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lisen = 1", "unknown setting 'lisen'; known: admit_profiles, admit_suites, "),
        ("path = 'x'", "unknown setting 'path'; known: "),
        ("[server]\nlisten = 'x:1'", "unknown setting 'server'; known: "),
        ("listen =", "not TOML: Invalid value (at end of document)"),
        ("listen = 8440", "listen: expected a text, got 8440"),
        ("listen = '8440'", "listen: expected HOST:PORT, for example 127.0.0.1:8440, got '8440'"),
        ("listen = 'host:'", "listen: expected HOST:PORT"),
        ("trusted_proxies = ['proxy']", "trusted_proxies: expected addresses such as"),
        ("trusted_proxies = ['10.0.0.0/8']", "trusted_proxies: expected addresses such as"),
        (
            "name_servers = ['dns.example']",
            "name_servers: expected name servers such as '192.0.2.53'",
        ),
        (
            "private_networks = ['10.1.2.3/8']",
            "private_networks: expected networks such as '10.20.",
        ),
        (
            "private_networks = ['home']",
            "private_networks: expected networks such as '10.20.0.0/16'",
        ),
        ("mirror = ['AT']", "mirror: expected site codes or '*', got 'AT'"),
        ("admit_profiles = ['mirror']", "admit_profiles: expected some of coordinator, peer, "),
        ("admit_suites = ['ab']", "admit_suites: expected SHA-256 digests of 64 hexadecimal"),
        ("admit_waivers = ['SYN']", "admit_waivers: expected cases of the conformance suite such"),
        ("watch_hour = 24", "watch_hour: expected -1 to 23, got 24"),
        ("listen = 'host:+80'", "listen: expected HOST:PORT"),
        ("listen = 'host:65536'", "listen: expected HOST:PORT"),
        ("url = 'at.sopro.example'", "url: expected for example https://at.sopro.example, got "),
        ("poll_seconds = 0", "poll_seconds: expected 1 to 86400, got 0"),
        ("poll_seconds = 86401", "poll_seconds: expected 1 to 86400, got 86401"),
        ("poll_seconds = '30'", "poll_seconds: expected a whole number, got '30'"),
        ("poll_seconds = true", "poll_seconds: expected a whole number, got True"),
        ("poll_seconds = 1.5", "poll_seconds: expected a whole number, got 1.5"),
        ("fetch_seconds = 0", "fetch_seconds: expected 1 to 600, got 0"),
        ("workers = 65", "workers: expected 0 to 64, got 65"),
        ("drain_seconds = -1", "drain_seconds: expected 0 to 600, got -1"),
        ("language = 'fr'", "language: expected one of de, en, hu, got 'fr'"),
        ("log_level = 'loud'", "log_level: expected one of debug, info, warning, error, got "),
        ("log_format = 'xml'", "log_format: expected one of text, json, got 'xml'"),
        ("mirror = '*'", "mirror: expected a list of texts, got '*'"),
        ("mirror = [1]", "mirror: expected a list of texts, got [1]"),
        ("trusted_proxies = {}", "trusted_proxies: expected a list of texts, got {}"),
        ("tls_key = 'key.pem'", "tls_certificate and tls_key go together"),
        ("tls_certificate = 'c.pem'", "tls_certificate and tls_key go together"),
    ],
)
def test_says_what_is_wrong_in_which_file(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(FormatError) as refused:
        load(tmp_path, text)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path}/node.toml: ")
    assert "\n" not in str(refused.value)


def test_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no such file; is .+ the directory of a node\?"):
        load_settings(tmp_path)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_bytes(b"\xff")
    with pytest.raises(FormatError, match="cannot be read"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "is_mirrored"),
    [("", True), ("mirror = ['*']", True), ("mirror = ['hu']", True), ("mirror = ['at']", False)],
)
def test_mirrors_whom_it_is_told(tmp_path: Path, text: str, is_mirrored: bool) -> None:
    assert load(tmp_path, text).mirrors("hu") is is_mirrored


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8440", "https://[::1]/sopro"])
def test_accepts_addresses_of_the_web(url: str) -> None:
    check_url(url)
