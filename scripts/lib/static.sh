# Sourced after venv.sh and node.sh: the steps that only read the code. A step that fails is remembered, the
# others still run.
failed=()

step() {
  local name=$1
  shift
  note "── $name"
  "$@" || failed+=("$name")
}

# A tool that says much when all is well is heard only when it is not.
quietly() {
  local said
  said=$("$@" 2>&1) || {
    printf '%s\n' "$said"
    return 1
  }
}

# Files of another user in these places would stop a tool half-way.
own_places() {
  local place
  for place in . .coverage .hypothesis .pytest_cache .ruff_cache .import_linter_cache; do
    [ ! -e "$place" ] || [ -w "$place" ] ||
      fail "$place belongs to $(owner_of "$place"): run as $(owner_of "$place"), or change its owner"
  done
}

# What a merge leaves where two lines met. Where there is no git the checkout is somebody's archive.
merged() {
  ! command -v git >/dev/null || ! git rev-parse --git-dir >/dev/null 2>&1 ||
    ! git grep --line-number --extended-regexp '^(<<<<<<<|>>>>>>>) '
}

static_checks() {
  step "merges that are ended" merged
  step "ruff check" ruff check --quiet .
  step "ruff format" ruff format --check --quiet .
  step "import directions" quietly lint-imports
  step "types" quietly basedpyright
  step "generated parts of the documentation" quietly python scripts/docs.py --check
  console_checks
}

console_checks() {
  prepare_console
  step "console: lint, format" quietly npm run --silent check
  step "console: types" quietly npm run --silent types
  step "console: tests" quietly npm run --silent test
}

# Ends the script: 1 and the names when a step failed.
finish() {
  [ "${#failed[@]}" -eq 0 ] || {
    local IFS=,
    fail "failed: ${failed[*]}"
  }
}
