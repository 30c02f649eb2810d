"""What the checkout promises before anyone reads its code."""

import importlib
import re
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "conformance/README.md")
PLAIN_HOSTS = {"127.0.0.1", "localhost", "keepachangelog.com", "semver.org"}


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_packages() -> dict[str, str]:
    """Each pinned package's name and everything up to the next pin."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", LOCK)[1:]
    return {normalise(re.match(r"[a-z0-9._-]+", block)[0]): block for block in blocks}


@pytest.mark.parametrize(("script", "target"), sorted(PROJECT["project"]["scripts"].items()))
def test_every_console_script_exists(script: str, target: str) -> None:
    module, _, function = target.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert (Path(sysconfig.get_path("scripts")) / script).is_file()


def test_licence_is_the_eupl_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    articles = re.findall(r"(?m)^(\d+)\. [A-Z]", text)
    assert PROJECT["project"]["license"] == "EUPL-1.2"
    assert text.split("\n", 1)[0].strip() == "EUROPEAN UNION PUBLIC LICENCE v. 1.2"
    assert articles == [str(number) for number in range(1, 16)]
    assert "‘Compatible Licences’ according to Article 5 EUPL are:" in text


@pytest.mark.parametrize("package", sorted(locked_packages()))
def test_every_locked_package_has_one_version_and_hashes(package: str) -> None:
    block = locked_packages()[package]
    assert re.match(r"[a-z0-9._-]+==[^\s;]+( ; [^\\]+)? \\\n", block)
    assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block)


def test_lock_holds_every_dependency_and_the_build_backend() -> None:
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    names = {normalise(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in wanted}
    assert names - locked_packages().keys() == set()


def test_lock_names_no_address_and_no_path() -> None:
    assert not re.search(r"://|index-url|find-links|trusted-host|file:|(?m:^\s*-e)| @ |#\s+/", LOCK)


@pytest.mark.parametrize("name", [*PAGES, "Makefile", ".ci/run", "pyproject.toml"])
def test_no_page_or_script_names_a_registry_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert set(re.findall(r"://(?:[^/\s@]*@)?([^/\s:)>\"']+)", text)) <= PLAIN_HOSTS
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host", text)


def test_the_only_lock_file_is_requirements_lock() -> None:
    others = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
    assert [name for name in others if (ROOT / name).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", MAKEFILE))
    phony = set(re.search(r"(?m)^\.PHONY: (.+)$", MAKEFILE)[1].split())
    named = {"demo", "test", "check", "check-static", "shared", "bench", "long", "format", "lock"}
    for page in ("README.md", "CONTRIBUTING.md", "Makefile"):
        named |= set(
            re.findall(r"(?:`|^ {4}|echo \")make ([a-z-]+)", (ROOT / page).read_text(), re.M)
        )
    named |= set(re.findall(r"make_here ([a-z][a-z-]*)", (ROOT / ".ci/run").read_text()))
    assert named <= targets == phony


@pytest.mark.parametrize("page", PAGES)
def test_every_file_a_page_links_to_exists(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
