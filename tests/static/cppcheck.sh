#!/usr/bin/env bash
# cppcheck over every C file that is compiled: errors, warnings, performance, portability. Clean, or it fails.
#   tests/static/cppcheck.sh BUILD_FOLDER
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
# Lua's header wants to know that the compiler has long long; cppcheck reads no header of the system.
cppcheck --project="$build/compile_commands.json" --file-filter='*/core/*' --file-filter='*/lua/*' \
    --file-filter='*/tests/*' -i "$build" -DLLONG_MAX=9223372036854775807LL -j 2 --quiet \
    --enable=warning,performance,portability --inline-suppr --suppress="*:$build/*" --error-exitcode=1 \
    --template='{file}:{line}: {severity} [{id}] {message}'
echo "cppcheck: clean ($(grep -c '"file":' "$build/compile_commands.json") files)"
