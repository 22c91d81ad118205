# Sourced by the scripts: goes to the root of the checkout and sees to .venv. Nothing is done when
# the lock, pyproject.toml, the C and the place of the checkout are those of the last time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf '%s: %s\n' "scripts/${0##*/}" "$*" >&2
  exit 1
}

note() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
[ -t 2 ] || note() { printf '%s\n' "$*" >&2; }

# What .venv is made from, as one hash.
inputs() {
  local sum=(sha256sum)
  command -v sha256sum >/dev/null || sum=(shasum -a 256)
  { pwd && cat development.lock pyproject.toml protocol/_native.c; } | "${sum[@]}" | cut -d ' ' -f 1
}

# The first Python that is new enough; PYTHON=/path/to/python comes before all others.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "needs Python 3.11 or newer, and found none (PYTHON=/path/to/python says where one is)"
}

make_venv() {
  local python
  [ -w . ] || fail "this checkout belongs to $(owner_of .), and .venv has to be made in it"
  [ ! -e .venv ] || [ -w .venv ] || fail "$(whose_venv)"
  python=$(find_python)
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "this Python cannot make virtual environments: apt-get install python3-venv"
  mkdir -p .venv
  lock_venv
  [ "$(cat .venv/stamp 2>/dev/null)" != "$wanted" ] || return 0 # somebody else was faster
  .venv/bin/python -m pip --version >/dev/null 2>&1 || {
    note "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
  }
  note "installing $(grep -c '^[a-z].*==' development.lock) packages of development.lock (a minute or two, once)"
  pip_install --require-hashes --requirement development.lock
  pip_install --no-deps --no-build-isolation --editable .
  printf '%s\n' "$wanted" >.venv/stamp
}

# One at a time: the lock goes with this process.
lock_venv() {
  command -v flock >/dev/null || return 0
  exec 9<scripts/lib/venv.sh
  flock --nonblock 9 || {
    note "waiting for another script that installs"
    flock 9
  }
}

pip_install() {
  local bar=off
  [ ! -t 2 ] || bar=on
  .venv/bin/python -m pip install -qq --progress-bar "$bar" --disable-pip-version-check \
    --no-input --root-user-action ignore "$@" >&2 9>&- ||
    fail "pip could not install; what it said is above"
}

owner_of() {
  stat -c %U "$1" 2>/dev/null || stat -f %Su "$1"
}

whose_venv() {
  printf '%s' ".venv belongs to $(owner_of .venv): run as $(owner_of .venv), or remove it first"
}

wanted=$(inputs) || fail "development.lock and pyproject.toml cannot be read"
if [ "$(cat .venv/stamp 2>/dev/null)" != "$wanted" ]; then
  make_venv
  exec 9>&-
elif ! [ -x .venv/bin/python ]; then
  fail "$(whose_venv)"
fi
PATH=$PWD/.venv/bin:$PATH
