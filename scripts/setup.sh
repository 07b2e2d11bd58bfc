#!/usr/bin/env bash
# Installs what building, testing and the demo need, if it is missing.
#
#   scripts/setup.sh            for `make demo`
#   scripts/setup.sh --lints    for `make test`: rustfmt and clippy as well
#
# The script searches for the programs themselves, so that a manual installation counts. It installs
# missing packages with apt-get, as root or with sudo. If neither is possible, it prints what to
# install and exits with 1.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PATH:$HOME/.cargo/bin"
lints=no
case "${1-}" in
  --lints) lints=yes ;;
  "") ;;
  *) echo "setup: unknown argument \`$1\`; the only one is \`--lints\`" >&2; exit 2 ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }

# The directories in which Tieline searches for the server programs.
have_postgres() {
  local dir dirs
  dirs=("${PG_BIN-}" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin)
  IFS=: read -ra path <<<"$PATH"
  for dir in "${dirs[@]}" "${path[@]}"; do
    if [[ -n $dir && -x $dir/initdb && -x $dir/postgres && -x $dir/pg_ctl ]]; then return 0; fi
  done
  return 1
}

# libpq with its headers. The build finds it through pkg-config or pg_config.
have_libpq() {
  if have pkg-config && pkg-config --exists libpq 2>/dev/null; then return 0; fi
  have pg_config && [[ -e "$(pg_config --includedir 2>/dev/null)/libpq-fe.h" ]]
}

# Without python3-venv, Debian has the module venv but not ensurepip, which it needs.
have_venv() { have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; }

# Names of missing Debian packages, and their descriptions for other systems.
packages=() words=()
want() { packages+=("$1"); words+=("$2"); }
have gcc || have cc || want gcc "a C compiler (gcc)"
# A compiler cannot build a program without the headers of the C library.
[[ -e /usr/include/stdio.h || -n "$(find /usr/include -maxdepth 2 -name stdio.h -print -quit 2>/dev/null)" ]] || want libc6-dev "the C library's headers"
have make || want make "make"
have pkg-config || want pkg-config "pkg-config"
have_libpq || want libpq-dev "libpq with its headers (Debian: libpq-dev, Red Hat: libpq-devel)"
have_postgres || want postgresql "the PostgreSQL server programs, 14 or newer (Debian: postgresql, Red Hat: postgresql-server)"

if [[ $lints == yes ]]; then
  have chromium || have chromium-browser || have google-chrome || want chromium "Chromium, for the tests of the console (Debian: chromium)"
  have node || want nodejs "Node.js, for the same tests (Debian: nodejs)"
  have npm || want npm "npm (Debian: npm)"
  have ssh-keygen || want openssh-client "ssh-keygen, for the test of the audit's signatures (Debian: openssh-client)"
  have openssl || want openssl "openssl, for the test of its time stamps (Debian: openssl)"
  have_venv || want python3-venv "Python 3 with venv, for the test of the API description (Debian: python3-venv)"
fi

ask_for() {
  echo "setup: missing on this machine:" >&2
  printf '  - %s\n' "${words[@]}" >&2
  if have apt-get; then
    echo "setup: $1; run as root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${packages[*]}" >&2
  else
    echo "setup: $1; install them with the package manager of this system, then run this script again" >&2
  fi
  exit 1
}

# Runs a command as root. Without a terminal sudo must not ask for a password.
as_root() {
  if ((EUID == 0)); then "$@"; elif [[ -t 0 ]]; then sudo -- "$@"; else sudo -n -- "$@"; fi
}

if ((${#packages[@]} > 0)); then
  have apt-get || ask_for "there is no apt-get here"
  if ((EUID != 0)); then
    have sudo || ask_for "not root, and there is no sudo"
    as_root true 2>/dev/null || ask_for "not root, and sudo refuses"
  fi
  echo "setup: installing ${packages[*]}"
  as_root apt-get update -q || echo "setup: could not update the package lists; using the existing lists" >&2

  # Debian's server package creates and starts a cluster. Tieline runs its own cluster and needs only the
  # programs. This setting prevents the cluster; the script removes it again at the end.
  no_cluster=""
  if [[ " ${packages[*]} " == *" postgresql "* ]]; then
    no_cluster=/etc/postgresql-common/createcluster.d/tieline-setup.conf
    as_root mkdir -p "${no_cluster%/*}"
    as_root sh -c "echo 'create_main_cluster = false' > $no_cluster"
    trap 'as_root rm -f "$no_cluster"' EXIT
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}" || ask_for "apt-get could not install them"

  have_postgres || { echo "setup: the PostgreSQL server programs are still missing; set PG_BIN to the directory of initdb" >&2; exit 1; }
  have_libpq || { echo "setup: pkg-config and pg_config still do not find libpq" >&2; exit 1; }
fi

# The script does not install Rust: it has its own installer.
needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if ! have cargo || ! have rustc; then
  echo "setup: Rust $needed or newer is missing; install it (https://rustup.rs), then run this script again" >&2
  exit 1
fi
found=$(rustc --version | cut -d' ' -f2)
if [[ $(printf '%s\n%s\n' "$needed" "${found%%-*}" | sort -V | head -n 1) != "$needed" ]]; then
  echo "setup: Rust $found is older than $needed; if it came from rustup, run \`rustup update stable\`" >&2
  exit 1
fi

# The tests of the alert rules and the dashboard need Prometheus. Debian's package would start a server
# on this machine, so the script only unpacks it into target/tools.
tools=target/tools/usr/bin
if [[ $lints == yes ]] && ! { have prometheus && have promtool; } && ! [[ -x $tools/prometheus && -x $tools/promtool ]]; then
  echo "setup: unpacking prometheus for the tests"
  fetched=$(mktemp -d)
  fetch() { (cd "$fetched" && apt-get download -q prometheus >/dev/null 2>&1); }
  if have apt-get && have dpkg && { fetch || { as_root apt-get update -q && fetch; }; }; then
    mkdir -p target/tools
    dpkg -x "$fetched"/prometheus_*.deb target/tools
  fi
  rm -rf "$fetched"
  [[ -x $tools/promtool ]] || { echo "setup: apt-get could not download \`prometheus\` and \`promtool\`; the tests need them on the PATH" >&2; exit 1; }
fi

# The tests of the console use a browser. Its driver and the accessibility check come from npm and are
# installed into target/tools.
browser=target/tools/browser
if [[ $lints == yes ]] && ! cmp -s tests/browser/package.json "$browser/package.json"; then
  echo "setup: installing the driver of the browser tests with npm"
  mkdir -p "$browser"
  cp tests/browser/package.json "$browser/package.json.new"
  rm -rf "$browser/package.json" "$browser/node_modules"
  mv "$browser/package.json.new" "$browser/package.json"
  (cd "$browser" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error) || {
    rm -f "$browser/package.json"
    echo "setup: npm could not install puppeteer-core and axe-core, which the browser tests need" >&2
    exit 1
  }
fi

# The tests of sign-in start an OpenID provider. It comes from npm and is installed into target/tools.
oidc=target/tools/oidc
if [[ $lints == yes ]] && ! cmp -s tests/oidc/package.json "$oidc/package.json"; then
  echo "setup: installing the OpenID provider of the sign-in tests with npm"
  mkdir -p "$oidc"
  cp tests/oidc/package.json "$oidc/package.json.new"
  rm -rf "$oidc/package.json" "$oidc/node_modules"
  mv "$oidc/package.json.new" "$oidc/package.json"
  (cd "$oidc" && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error) || {
    rm -f "$oidc/package.json"
    echo "setup: npm could not install oidc-provider, which the tests of sign-in need" >&2
    exit 1
  }
fi

# schemathesis tests the running service against its OpenAPI description. It comes from PyPI and is
# installed into target/tools.
api=target/tools/api
if [[ $lints == yes ]] && ! cmp -s tests/api/requirements.txt "$api/requirements.txt"; then
  echo "setup: installing schemathesis with pip"
  rm -rf "$api"
  if ! { python3 -m venv "$api" && "$api/bin/pip" install --quiet --disable-pip-version-check --requirement tests/api/requirements.txt; }; then
    rm -rf "$api"
    echo "setup: pip could not install schemathesis, which the test of the API description needs" >&2
    exit 1
  fi
  cp tests/api/requirements.txt "$api/requirements.txt"
fi

if [[ $lints == yes ]]; then
  missing=()
  cargo fmt --version >/dev/null 2>&1 || missing+=(rustfmt)
  cargo clippy --version >/dev/null 2>&1 || missing+=(clippy)
  if ((${#missing[@]} > 0)); then
    if have rustup; then
      echo "setup: adding ${missing[*]}"
      rustup component add "${missing[@]}"
    else
      echo "setup: ${missing[*]} missing; install them with the packages of this Rust (with rustup: rustup component add ${missing[*]})" >&2
      exit 1
    fi
  fi
fi
