#!/bin/sh
# Pins all requirements, for every Python from 3.11 on. No index address is recorded.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
        --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make lock" "$@"
}
# With hashes, pip wants an extra pinned as such: once there is a newer coverage,
# "coverage==7.1" is no longer enough for a package that needs "coverage[toml]".
hashed() {
    compile --generate-hashes --no-strip-extras "$@"
}
hashed --group dev --group lock pyproject.toml -o requirements/dev.txt
hashed --group meltano -o requirements/meltano.txt
hashed --group dbt -o requirements/dbt.txt
hashed --group release -o requirements/release.txt
# Meltano installs the plugins with these as constraints, which know no hashes and no extras.
compile pyproject.toml -o requirements/tap-yonyou.txt
for target in target-postgres target-jsonl; do
    sed -n "s/.*pip_url: \([a-z-]*$target==[^ ]*\).*/\1/p" meltano.yml |
        compile - -o "requirements/$target.txt"
done
# The benchmark's peers, each for an environment of its own.
for peer in bench/requirements/*.in; do
    hashed "$peer" -o "${peer%.in}.txt"
done
for example in examples/*/requirements.in; do
    hashed "$example" -o "${example%.in}.txt"
done
