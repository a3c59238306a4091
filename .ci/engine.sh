# A Docker engine for the tests that want one: sourced, then `engine_start`; `engine_stop` ends
# what was started here and nothing else. An engine that answers already is used as it is.

engine_folder=""
engine_pid=""

engine_start() {
  if docker version >/dev/null 2>&1; then
    echo "docker: an engine answers already"
    return
  fi
  if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then
    echo "docker: no engine, and none can be started here; its tests will be skipped"
    return
  fi
  engine_folder="$(mktemp -d /tmp/paidonce-engine-XXXXXX)"
  dockerd --host "unix://$engine_folder/docker.sock" --data-root "$engine_folder/data" \
    --exec-root "$engine_folder/exec" --pidfile "$engine_folder/docker.pid" \
    >"$engine_folder/log" 2>&1 </dev/null &
  engine_pid=$!
  export DOCKER_HOST="unix://$engine_folder/docker.sock"
  local tries
  for tries in $(seq 120); do
    if docker version >/dev/null 2>&1; then
      echo "docker: engine $(docker version --format '{{.Server.Version}}') started"
      return
    fi
    if ! kill -0 "$engine_pid" 2>/dev/null; then break; fi
    sleep 0.5
  done
  echo "docker: the engine did not start, its tests will be skipped; it said last:"
  tail -n 3 "$engine_folder/log"
  engine_stop
}

engine_stop() {
  if [ -n "$engine_pid" ]; then
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
    engine_pid=""
    unset DOCKER_HOST
  fi
  if [ -n "$engine_folder" ]; then
    # A container in the host's network leaves a mount behind.
    umount "$engine_folder"/exec/netns/* 2>/dev/null || true
    rm -rf "$engine_folder" 2>/dev/null || echo "docker: $engine_folder could not be removed"
    engine_folder=""
  fi
}
