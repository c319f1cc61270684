# Everything is CMake (CMakePresets.json); this only makes a bare Debian 12 able to run it.
#   make demo    flash a simulated board and watch it blink
#   make test    build with sanitizers and run every test, then the static checks, coverage and valgrind
#   make soak    hours: 10,000 simulated units provisioned under kill -9, on SQLite and on PostgreSQL
#                (soak-units); every fault at every point, ten minutes of each fuzzer (soak-faults)
PACKAGES = cmake ninja-build gcc clang libclang-rt-14-dev pkg-config git \
	liblua5.4-dev lua5.4 libusb-1.0-0-dev zlib1g-dev libelf-dev libunicorn-dev libcmocka-dev \
	lua-busted lua-check lua-cjson lua-argparse lua-filesystem lua-socket \
	lua-dbi-sqlite3 lua-dbi-postgresql lua-dkjson lua-luaossl postgresql \
	gcc-arm-none-eabi srecord openocd stlink-tools python3-pyocd gdb-multiarch tshark \
	cppcheck clang-tidy gcovr valgrind strace

SUDO = $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: demo test bench soak soak-units soak-faults packages

# apt-get is asked only for what is missing, so that a second run needs no network and no password.
packages:
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(PACKAGES) 2>/dev/null | \
	    awk '$$2 == "installed" {print $$1}' | sort > .packages.have; \
	    printf '%s\n' $(PACKAGES) | sort | comm -23 - .packages.have; rm -f .packages.have); \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	    $(SUDO) apt-get update -q && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi

test: packages
	cmake --workflow --preset check
	tests/static/run build/dev

soak-faults: packages
	cmake --preset dev
	cmake --build --preset dev
	tests/soak/faults.sh build/dev
	tests/static/coverage.sh | tail -2

demo: packages
	cmake --preset release
	cmake --build --preset release
	tests/demo/run build/release

bench: packages
	cmake --preset release
	cmake --build --preset release
	tests/bench/run build/release
	tests/bench/gang build/release

soak: soak-units soak-faults

soak-units: packages
	cmake --preset release
	cmake --build --preset release
	env SOAK_UNITS=$(or $(SOAK_UNITS),10000) SOAK_KILLS=$(or $(SOAK_KILLS),200) STLUA_PROBE= STLUA_PATH= \
	    STLUA_BIN_DIR=$(CURDIR)/build/release/bin STLUA_SOURCE_DIR=$(CURDIR) STL_SOURCE_DIR=$(CURDIR) \
	    build/release/bin/stlua tests/lua/run.lua tests/soak/soak_spec.lua
