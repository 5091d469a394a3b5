# shellcheck shell=bash disable=SC2034
# The one list of Debian packages, and what installs those that are missing. Sourced by deploy/quickstart,
# tests/run and tests/bench/run:
#
#   . deploy/packages.sh
#   pulsed_install "${PULSED_BUILD_PACKAGES[@]}"
#
# pulsed_install says what it does on stdout, needs root or sudo only when something is missing, and returns non-zero
# after saying why when it cannot. A check that finds everything takes some tens of milliseconds.

# What a build of everything needs: daemon, shim, demo service, tests and benchmarks.
PULSED_BUILD_PACKAGES=(
  g++ cmake ninja-build ccache python3
  libboost-dev libboost-context-dev libboost-coroutine-dev libasio-dev
  prometheus-cpp-dev
  libgrpc++-dev libssl-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc pkg-config
  libyaml-cpp-dev libcli11-dev libspdlog-dev nlohmann-json3-dev zlib1g-dev libncurses-dev
  doctest-dev libbenchmark-dev
)
# What bundles the page; those of Debian would push out others that are here already.
command -v node >/dev/null || PULSED_BUILD_PACKAGES+=(nodejs)
command -v npm >/dev/null || PULSED_BUILD_PACKAGES+=(npm)

# What tests/run needs beyond it: the second compiler with its fuzzer, the formatter, Prometheus and its Alertmanager, what counts
# instructions, a gRPC client that is not ours, what drives a terminal and tells what stands on it, shells that complete,
# what reads manual pages, and the browser that looks at the page.
PULSED_TEST_PACKAGES=(clang libclang-rt-dev clang-format prometheus prometheus-alertmanager valgrind python3-grpcio
  python3-protobuf openssl python3-pexpect python3-pyte python3-yaml zsh fish mandoc chromium)

# What tests/bench/run can do without, saying so: what draws the plots, and what counts instructions.
PULSED_BENCH_PACKAGES=(gnuplot-nox valgrind)

# pulsed_missing packages...: prints those that are not installed.
pulsed_missing() {
  local installed package
  installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' "$@" 2>/dev/null || true) "
  for package in "$@"; do
    [[ $installed == *" installed=$package "* ]] || echo "$package"
  done
}

# pulsed_install packages...: installs those that are missing. PULSED_LOG_DIR says where the log goes.
pulsed_install() {
  local missing as_root=() log started=$SECONDS told=$SECONDS job=
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is no Debian system, so nothing is installed here. Needed are the equivalents of: $*"
    return 0
  fi
  mapfile -t missing < <(pulsed_missing "$@")
  if ((${#missing[@]} == 0)); then
    echo "All $# packages are installed."
    return 0
  fi
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "error: missing packages, and neither root nor sudo to install them. As root, run:" >&2
      echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  log=${PULSED_LOG_DIR:-/tmp}/packages.log
  mkdir -p "${log%/*}"
  echo "Installing ${#missing[@]} of $# packages: ${missing[*]}"
  [[ ${#as_root[@]} -eq 0 ]] || sudo -v || return 1
  pulsed_apt "$log" "${missing[@]}" &
  job=$!
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - told >= 10)); then
      told=$SECONDS
      echo "  ... $((SECONDS - started)) s: $(tail -n 1 "$log" 2>/dev/null | tr '\r' '\n' | tail -n 1 | cut -c 1-90)"
    fi
  done
  if ! wait "$job"; then
    echo "error: installing packages failed; the end of $log:" >&2
    tail -n 40 "$log" >&2
    return 1
  fi
  echo "Installed in $((SECONDS - started)) s."
}

# Used by pulsed_install, whose as_root it sees. Packages of servers (prometheus, prometheus-alertmanager) would start them, when all
# we want is their programs: a policy-rc.d of ours forbids that while we install, unless the machine has one of its own, and
# those that were installed now are kept from starting with the machine.
pulsed_apt() {
  local log=$1 policy=/usr/sbin/policy-rc.d ours=no failed=0 server
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  shift
  if [[ ! -e $policy ]]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  {
    "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"
  } </dev/null >"$log" 2>&1 || failed=$?
  if [[ $ours == yes ]]; then
    "${as_root[@]}" rm -f "$policy"
  fi
  if ((failed == 0)) && [[ -d /run/systemd/system ]]; then
    for server in prometheus prometheus-alertmanager; do
      [[ " $* " != *" $server "* ]] || "${as_root[@]}" systemctl disable --quiet "$server.service" || true
    done
  fi
  return "$failed"
}
