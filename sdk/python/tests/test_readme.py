"""The programs of the README and of docs/calling, each in a process of its own, against the sandbox.

The README's run as they stand there. The others name hosts, which the sandbox's takes the place of.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Sandbox, closing_all

HERE = Path(__file__).resolve().parents
PAGES = ("meti", "metafold", "ecoinvent", "m3ter")


def programs(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


BLOCKS = programs(HERE[1] / "README.md")
CALLS = [
    (page, number, program)
    for page in PAGES
    for number, program in enumerate(programs(HERE[3] / "docs" / "calling" / f"{page}.md"))
]
assert len(BLOCKS) >= 7 and len(CALLS) == 5

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif("SYMBOLON_BIN" not in os.environ, reason="SYMBOLON_BIN names no binary"),
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"))
    with closing_all(made):
        yield made


@pytest.fixture(scope="module")
def environment(sandbox: Sandbox) -> dict[str, str]:
    systems = sandbox.credentials
    meti, eco, m3ter, v1 = (systems[name] for name in ("meti_v2", "ecoinvent", "m3ter", "meti_v1"))
    return {
        "TOKEN_URL": meti["token_url"],
        "ISSUER": meti["issuer"],
        "CLIENT_ID": meti["client_id"],
        "CLIENT_SECRET": meti["client_secret"],
        "AUDIENCE": meti["audience"],
        "API_URL": meti["api_url"],
        "KEYCLOAK_URL": sandbox.base,
        "KEYCLOAK_REALM": "ecoinvent",
        "KEYCLOAK_CLIENT_ID": eco["client_id"],
        "KEYCLOAK_CLIENT_SECRET": eco["client_secret"],
        "ACCESS_KEY_ID": m3ter["access_key_id"],
        "API_SECRET": m3ter["api_secret"],
        "V1_TOKEN_URL": v1["token_url"],
        "EMAIL": v1["email"],
        "PASSWORD": v1["password"],
    }


def run(program: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_program_of_the_readme_runs(number: int, environment: dict[str, str], tmp_path: Path) -> None:
    program = BLOCKS[number]
    printed = run(program, environment, tmp_path)
    assert printed.strip() or "print(" not in program
    if "API_URL" in program:
        assert "src_" in printed, "not the API's answer"
    if "not-the-secret" in program:
        assert printed.startswith("fix the credentials: invalid_client: ")


EXPECTED = {"meti": "sources", "metafold": "'projects'", "ecoinvent": "version", "m3ter": "'id'"}


@pytest.mark.parametrize("page, number, program", CALLS, ids=[f"{page}-{number}" for page, number, _ in CALLS])
def test_a_program_of_the_pages_on_calling_runs(
    page: str, number: int, program: str, sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    system = sandbox.credentials["meti_v2" if page == "meti" else page]
    if "audience" in system:
        program = re.sub(r'audience="[^"]*"', f'audience="{system["audience"]}"', program)
    program = re.sub(r"https://[a-z0-9.]+\.example", sandbox.base, program)
    if "client_id" in system:
        environment = {**environment, "CLIENT_ID": system["client_id"], "CLIENT_SECRET": system["client_secret"]}
    environment = {**environment, "ORGANIZATION_ID": sandbox.credentials["m3ter"]["organization_id"]}
    assert EXPECTED[page] in run(program, environment, tmp_path)
