#!/usr/bin/env bash
# clang-tidy, with the checks of .clang-tidy, over core/ and lua/. Clean, or it fails.
#   tests/static/clang_tidy.sh BUILD_FOLDER
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
report=$(mktemp)
trap 'rm -f "$report"' EXIT
mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" |
    grep -E "^$PWD/(core|lua)/" | sort -u)
[ "${#files[@]}" -gt 50 ] # otherwise the list was not understood
if ! printf '%s\n' "${files[@]}" | xargs -P 2 -n 4 clang-tidy -p "$build" --quiet >"$report" 2>/dev/null; then
    sort -u "$report" | grep -E 'error:|warning:' || cat "$report"
    exit 1
fi
echo "clang-tidy: clean (${#files[@]} files)"
