#!/bin/sh
# Resolves pyproject.toml's dependencies into requirements/*.txt: exact pins, a hash for every file.
#
# usage: tools/lock.sh [--upgrade]     needs uv on PATH; without --upgrade only what must change moves
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
mkdir -p requirements

compile() {
    target=requirements/$1.txt
    shift
    UV_CUSTOM_COMPILE_COMMAND=tools/lock.sh uv pip compile --quiet --universal --python-version 3.12 \
        --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        --output-file "$target" "$@"
}
compile build "$@" --group build
compile base "$@" pyproject.toml
# A superset of base.txt, at the same versions: `make test` after `make study` only adds packages.
compile test "$@" pyproject.toml --group test --constraint requirements/base.txt
# An environment of its own, which holds none of the above: see the group's comment.
compile inspect "$@" --group inspect
compile oracles "$@" --group oracles --constraint requirements/base.txt
compile launchers "$@" pyproject.toml --group launchers --constraint requirements/base.txt
compile train "$@" pyproject.toml --group train --constraint requirements/base.txt
# Without base.txt's pins: see the group's comment.
compile services "$@" pyproject.toml --group services
