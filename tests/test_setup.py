"""The way in: finding an interpreter, the pinned requirements, the two commands, the start-up."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FIND_PYTHON = ROOT / "tools" / "find-python"
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
HEAVY = ("hydra", "litellm", "matplotlib", "pandas", "scipy", "statsmodels", "torch")


def _executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


def _suitable(path: Path) -> Path:
    """A stand-in for this interpreter: the probe runs in a real Python."""
    return _executable(path, f'exec "{sys.executable}" "$@"\n')


def _failing_shim(path: Path) -> Path:
    """pyenv's shim of a version that is not the selected one."""
    return _executable(path, 'echo "pyenv: $0: command not found" >&2\nexit 127\n')


def _disguised(path: Path, disguise: str) -> Path:
    """This interpreter, changed by ``disguise`` before the probe is read."""
    script = f"import sys\nprobe = sys.argv[-1]\n{disguise}\nexec(probe)\n"
    (path.parent).mkdir(parents=True, exist_ok=True)
    changed = path.with_suffix(".py")
    changed.write_text(script)
    return _executable(path, f'exec "{sys.executable}" -I "{changed}" "$@"\n')


def _old(path: Path) -> Path:
    return _disguised(path, "sys.version_info = (3, 11, 7, 'final', 0)")


def _too_new(path: Path) -> Path:
    return _disguised(path, "sys.version_info = (3, 15, 0, 'final', 0)")


def _without_ensurepip(path: Path) -> Path:
    return _disguised(path, "sys.modules['ensurepip'] = None")


def _find(home: Path, path: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": path, **extra}
    return subprocess.run(
        ["/bin/sh", str(FIND_PYTHON)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


BASE = f"{sys._base_executable}\n"


@pytest.mark.parametrize("unusable", [_failing_shim, _old, _too_new, _without_ensurepip])
def test_an_unusable_python3_does_not_hide_a_usable_one_later_on_path(tmp_path, unusable):
    unusable(tmp_path / "first" / "python3")
    _suitable(tmp_path / "second with space" / "python3.12")
    result = _find(tmp_path, f"{tmp_path}/first:{tmp_path}/second with space")
    assert (result.returncode, result.stdout, result.stderr) == (0, BASE, "")


@pytest.mark.parametrize(
    ("variable", "below", "place"),
    [
        ("HOME", "", ".pyenv/versions/3.12.9/bin/python3"),
        ("PYENV_ROOT", "pyenv root", "versions/3.13.0/bin/python3"),
        ("HOME", "", ".local/share/uv/python/cpython-3.14.0-linux-x86_64-gnu/bin/python3"),
        ("UV_PYTHON_INSTALL_DIR", "uv", "cpython-3.12.4-macos-aarch64-none/bin/python3"),
        ("XDG_DATA_HOME", "data", "uv/python/cpython-3.13.1-linux-x86_64-gnu/bin/python3"),
    ],
)
def test_version_managers_are_searched_when_path_has_nothing(tmp_path, variable, below, place):
    _failing_shim(tmp_path / "shims" / "python3")
    _suitable(tmp_path / below / place)
    result = _find(tmp_path, f"{tmp_path}/shims", **{variable: str(tmp_path / below)})
    assert (result.returncode, result.stdout, result.stderr) == (0, BASE, "")


@pytest.mark.parametrize("unusable", [_failing_shim, _old, _too_new, None])
def test_without_an_interpreter_one_line_says_what_to_install(tmp_path, unusable):
    if unusable:
        unusable(tmp_path / "bin" / "python3")
    result = _find(tmp_path, str(tmp_path / "bin"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("no CPython 3.12, 3.13 or 3.14 found: install one")


def test_a_python_without_ensurepip_is_named_with_the_package_to_install(tmp_path):
    lacking = _without_ensurepip(tmp_path / "bin" / "python3")
    result = _find(tmp_path, str(tmp_path / "bin"))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"{lacking} lacks venv or ensurepip")
    assert "python3-venv" in result.stderr


def test_an_interpreter_asked_for_by_name_is_never_replaced_by_another(tmp_path):
    _suitable(tmp_path / "bin" / "python3")
    old = _old(tmp_path / "old" / "python3")
    path = str(tmp_path / "bin")
    refused = _find(tmp_path, path, PYTHON=str(old))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"PYTHON={old} cannot be used")
    assert refused.stderr.count("\n") == 1
    assert _find(tmp_path, path, PYTHON="python3").stdout == BASE


def _pins(file: Path) -> dict[str, list[str]]:
    """Requirement line without hashes -> its hashes."""
    joined = file.read_text().replace("\\\n", " ")
    return {
        line.split(" --hash=")[0].strip(): re.findall(r"--hash=(\S+)", line)
        for line in joined.splitlines()
        if line.strip()
    }


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.name)
def test_every_requirement_is_an_exact_pin_with_hashes_and_names_no_address(file):
    pins = _pins(file)
    for requirement, hashes in pins.items():
        # The whole line is a name, a version and a marker: no option, comment or address fits.
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [\w .'\"=<>!()]+)?", requirement)
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes)
    assert not re.search(r"://|/simple|--(?!hash=)", file.read_text())


def test_the_requirement_files_are_those_that_set_up_reads_and_those_of_environments_apart():
    assert [file.name for file in REQUIREMENTS] == [
        "base.txt",
        "build.txt",
        "inspect.txt",
        "launchers.txt",
        "oracles.txt",
        "services.txt",
        "test.txt",
        "train.txt",
    ]


def test_the_test_environment_only_adds_to_the_one_a_study_runs_in():
    base, test = (_pins(ROOT / "requirements" / f"{name}.txt") for name in ("base", "test"))
    assert base.items() <= test.items()


def test_the_pins_satisfy_what_the_project_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    versions = dict(
        line.split(" ;")[0].split("==") for line in _pins(ROOT / "requirements" / "base.txt")
    )
    for declared in map(Requirement, project["project"]["dependencies"]):
        assert declared.specifier.contains(versions[canonicalize_name(declared.name)])
    assert versions["litellm"] == "1.106.2"


def test_readme_shows_both_commands():
    lines = [line.strip() for line in (ROOT / "README.md").read_text().splitlines()]
    assert any(re.match(r"(\$ )?make study\b", line) for line in lines)
    assert any(re.match(r"(\$ )?make test\b", line) for line in lines)


def test_the_command_line_starts_without_the_heavy_packages():
    script = f"import sys, diagnose.cli; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


def _checkout(folder: Path) -> Path:
    """A copy of what set-up reads."""
    folder.mkdir()
    for name in ("tools", "requirements"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    return folder


class SetUp:
    """tools/setup.sh in a checkout whose interpreter only writes down what pip was asked for."""

    def __init__(self, folder: Path) -> None:
        self.checkout = _checkout(folder / "a checkout")
        self.asked = folder / "asked"
        self.pip_does = folder / "pip_does"
        self.path = f"{folder / 'bin'}:{os.defpath}"
        python = folder / "bin" / "python3"
        real = _disguised(folder / "real" / "python3", f"sys._base_executable = {str(python)!r}")
        _executable(
            python,
            f"""case "$*" in
                *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
                *"-m pip"*) echo "$*" >>"{self.asked}"; . "{self.pip_does}" ;;
                *) exec "{real}" "$@" ;;
            esac
            """,
        )
        self.pip_does.write_text("")

    def run(self, wanted: str = "base") -> tuple[list[str], subprocess.CompletedProcess[str]]:
        """What pip was asked to install, file by file, and how the script ended."""
        self.asked.write_text("")
        result = subprocess.run(
            [str(self.checkout / "tools" / "setup.sh"), wanted],
            env={"HOME": str(self.checkout), "PATH": self.path, "CI": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return [line.split()[-1] for line in self.asked.read_text().splitlines()], result


BUILD, BASE_TXT, TEST, PROJECT = (
    "requirements/build.txt",
    "requirements/base.txt",
    "requirements/test.txt",
    ".",
)


@pytest.fixture
def set_up(tmp_path):
    return SetUp(tmp_path)


def test_a_current_environment_is_reused_without_starting_pip(set_up):
    installed, first = set_up.run()
    assert (installed, first.returncode) == ([BUILD, BASE_TXT, PROJECT], 0)
    again, second = set_up.run()
    assert (again, second.returncode, second.stdout, second.stderr) == ([], 0, "", "")


def test_every_installation_but_the_project_itself_requires_hashes(set_up):
    set_up.run("test")
    *pinned, project = set_up.asked.read_text().splitlines()
    assert len(pinned) == 2
    assert all("--require-hashes --only-binary :all:" in line for line in pinned)
    assert "--no-deps --no-build-isolation --no-index --editable" in project


def test_the_test_packages_are_added_once_and_serve_a_study_too(set_up):
    set_up.run("base")
    assert set_up.run("test")[0] == [TEST, PROJECT]
    assert set_up.run("test")[0] == []
    assert set_up.run("base")[0] == []


def test_changed_pins_make_a_new_environment_and_a_changed_project_does_not(set_up):
    set_up.run()
    leftover = set_up.checkout / ".venv" / "leftover"
    leftover.touch()
    with (set_up.checkout / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert set_up.run()[0] == [PROJECT]
    assert leftover.exists()
    with (set_up.checkout / "requirements" / "base.txt").open("a") as pins:
        pins.write("\n")
    assert set_up.run()[0] == [BUILD, BASE_TXT, PROJECT]
    assert not leftover.exists()


def test_a_moved_checkout_is_set_up_anew(set_up):
    set_up.run()
    set_up.checkout = set_up.checkout.rename(set_up.checkout.with_name("moved"))
    assert set_up.run()[0] == [BUILD, BASE_TXT, PROJECT]


@pytest.mark.parametrize("interrupted_at", [BUILD, BASE_TXT, PROJECT])
def test_an_interrupted_set_up_is_done_again_from_the_start(set_up, interrupted_at):
    set_up.pip_does.write_text(
        f'case "$*" in *" {interrupted_at}") kill -9 "$PPID"; exit 1 ;; esac\n'
    )
    installed, killed = set_up.run()
    assert (installed[-1], killed.returncode) == (interrupted_at, -signal.SIGKILL)
    (set_up.checkout / ".venv" / "leftover").touch()
    set_up.pip_does.write_text("")
    installed, again = set_up.run()
    assert (installed, again.returncode) == ([BUILD, BASE_TXT, PROJECT], 0)
    assert not (set_up.checkout / ".venv" / "leftover").exists()


def test_a_failed_installation_shows_the_last_lines_of_pip_and_is_not_taken_for_done(set_up):
    set_up.pip_does.write_text("seq 1 100 >&2; echo 'ERROR: no such file' >&2; exit 1\n")
    installed, failed = set_up.run()
    assert (installed, failed.returncode) == ([BUILD], 1)
    assert "ERROR: no such file\nsetup: the installation failed" in failed.stderr
    assert len(failed.stderr.splitlines()) < 20
    assert set_up.run()[1].returncode == 1


def test_of_two_set_ups_at_once_one_installs_and_the_other_waits(set_up):
    go_on = set_up.checkout.parent / "go_on"
    os.mkfifo(go_on)
    leave = os.open(go_on, os.O_RDWR)
    # The first pip call waits for leave; a fifo needs no clock.
    set_up.pip_does.write_text(f'case "$*" in *" {BUILD}") read -r _ <"{go_on}" ;; esac\n')
    set_up.asked.write_text("")
    started = {
        "args": [str(set_up.checkout / "tools" / "setup.sh"), "base"],
        "env": {"HOME": str(set_up.checkout), "PATH": set_up.path},
        "stdin": subprocess.DEVNULL,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    with subprocess.Popen(**started) as first:
        try:
            assert first.stderr.readline().startswith("setup: creating .venv")
            with subprocess.Popen(**started) as second:
                waiting = second.stderr.readline()
                os.write(leave, b"\n")
                assert first.wait() == 0
                assert second.wait() == 0
        finally:
            os.write(leave, b"\n")  # a failed assertion must not leave the first one waiting
            os.close(leave)
    assert waiting == "setup: waiting for another set-up of this folder\n"
    installed = [line.split()[-1] for line in set_up.asked.read_text().splitlines()]
    assert installed == [BUILD, BASE_TXT, PROJECT]


def test_a_folder_that_set_up_did_not_make_is_not_deleted(set_up):
    precious = set_up.checkout / ".venv" / "precious"
    precious.parent.mkdir()
    precious.write_text("kept")
    installed, refused = set_up.run()
    assert (installed, refused.returncode) == ([], 1)
    assert refused.stderr.count("\n") == 1
    assert "was not made by this script" in refused.stderr
    assert precious.read_text() == "kept"


def test_make_without_an_interpreter_says_so_and_leaves_nothing_behind(tmp_path):
    checkout = _checkout(tmp_path / "checkout")
    _old(tmp_path / "bin" / "python3")
    # PATH holds what set-up needs and nothing else: no interpreter of this machine.
    for name in ("make", "sh", "dirname", "cat", "cksum", "tr"):
        found = shutil.which(name)
        assert found, f"set-up needs {name}"
        (tmp_path / "bin" / name).symlink_to(found)
    result = subprocess.run(
        [str(tmp_path / "bin" / "make"), "-C", str(checkout), "--no-print-directory", "study"],
        env={"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    first, *rest = result.stderr.splitlines()
    assert first.startswith("no CPython 3.12, 3.13 or 3.14 found")
    assert all(line.startswith("make: ***") for line in rest)
    assert not (checkout / ".venv").exists()
