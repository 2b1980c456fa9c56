#!/bin/sh
# Makes .venv current: an interpreter, the pinned and hashed requirements, this checkout (editable).
#
# usage: tools/setup.sh base|test      PYTHON=/path chooses the interpreter
#
# .venv/setup-stamp is written last and removed first, so an interrupted set-up is never taken for a
# finished one. When the stamp is current nothing is installed and pip is not started.
set -eu
unset CDPATH PYTHONPATH PYTHONHOME
cd "$(dirname "$0")/.."

wanted=${1:-base}
case $wanted in
    base | test) ;;
    *) echo "usage: tools/setup.sh base|test" >&2; exit 2 ;;
esac
stamp=.venv/setup-stamp
mark=.venv/made-by-setup
log=.venv/setup.log

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

# cksum is in POSIX, sha256sum is not; the requirement files carry the hashes that protect anyone.
digest() { cat "$@" | cksum | tr ' \t' '--'; }
pins=$(digest requirements/build.txt requirements/base.txt requirements/test.txt tools/setup.sh)
# A virtual environment cannot be moved, hence the folder's name.
project=$(digest pyproject.toml):$PWD
identity='import sys; print(sys.version.replace("\n", " "), sys._base_executable)'

# Sets installed, stamped_* from the stamp; false when there is no finished environment here.
read_stamp() {
    [ -f "$stamp" ] || return 1
    { read -r installed && read -r stamped_pins && read -r stamped_project && read -r stamped_python; } \
        <"$stamp" || return 1
    [ "$stamped_python" = "$(.venv/bin/python -I -c "$identity" 2>/dev/null </dev/null)" ] || return 1
    [ "$stamped_pins" = "$pins" ] || return 1
    # Another interpreter asked for by name is a reason to start again; none asked for is not.
    [ -z "${PYTHON:-}" ] || [ "$stamped_python" = "$("$python" -I -c "$identity")" ]
}
is_current() {
    read_stamp && [ "$stamped_project" = "$project" ] &&
        { [ "$installed" = test ] || [ "$installed" = "$wanted" ]; }
}

if [ -n "${PYTHON:-}" ]; then
    python=$(tools/find-python)
fi
if is_current; then
    exit 0
fi
[ -n "${PYTHON:-}" ] || python=$(tools/find-python)

# One set-up at a time. The lock lies on the open file, so it outlives the interpreter that took it
# and is held until this shell and the pip it started are gone.
exec 9>.venv.lock
lock='
import sys
try:
    import fcntl
except ImportError:
    sys.exit(0)
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("setup: waiting for another set-up of this folder", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
'
"$python" -I -c "$lock" 9>&9
if is_current; then
    exit 0
fi

run_pip() {
    # What a person's pip configuration could add would make this another environment; where the
    # packages come from stays theirs to say.
    if ! PIP_CONSTRAINT=/dev/null PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 \
        .venv/bin/python -I -m pip install --quiet --progress-bar off "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        fail "the installation failed; pip's last lines are above, all of them in $log"
    fi
}
install_pinned() {
    # antlr4-python3-runtime, which hydra-core needs, was published as source only; it is built
    # with the hashed setuptools of build.txt, so nothing unpinned runs.
    run_pip --require-hashes --only-binary :all: --no-binary antlr4-python3-runtime \
        --no-build-isolation --requirement "$1"
}
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_HASHES PIP_REQUIREMENT PIP_NO_DEPS PIP_DRY_RUN \
    PIP_BUILD_CONSTRAINT PIP_ONLY_BINARY PIP_NO_BINARY PIP_PRE PIP_UPLOADED_PRIOR_TO

started=$(date +%s)
if ! read_stamp || [ "${stamped_project#*:}" != "$PWD" ]; then
    if [ -e .venv ] || [ -L .venv ]; then
        [ -e "$mark" ] || fail "$PWD/.venv was not made by this script: move it away and call again"
        # Renamed first: a half-deleted .venv must not be met under that name.
        mv .venv ".venv-old-$$"
    fi
    rm -rf .venv-old-*
    say "creating .venv with $("$python" -I -c 'import platform, sys; print("CPython", platform.python_version(), "from", sys.executable)')"
    mkdir .venv
    : >"$mark"
    "$python" -I -m venv .venv >"$log" 2>&1 </dev/null || {
        tail -n 15 "$log" >&2
        fail "$python could not create a virtual environment"
    }
    say "installing the pinned packages (a few minutes the first time)"
    install_pinned requirements/build.txt
    installed=none
fi
rm -f "$stamp"
case $installed-$wanted in
    none-base) install_pinned requirements/base.txt; installed=base ;;
    none-test) install_pinned requirements/test.txt; installed=test ;;
    base-test) say "adding the pinned test packages"; install_pinned requirements/test.txt; installed=test ;;
esac
run_pip --no-deps --no-build-isolation --no-index --editable .
{
    echo "$installed"
    echo "$pins"
    echo "$project"
    .venv/bin/python -I -c "$identity"
} >"$stamp.new"
mv "$stamp.new" "$stamp"
say "ready after $(($(date +%s) - started)) s"
