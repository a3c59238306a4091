#!/usr/bin/env bash
# stripe-node 23.1.0, stripe-python 16.1.0, stripe-go 84.1.0, stripe-java 31.0.0: which answers to a POST
# are followed by a second try, as they come from the package.
#
# Guess, written down first: all retry alike and by default, twice, under one key: a lost connection, a
# 409, a 429 of a lock's time-out and a 5xx of a POST; Stripe-Should-Retry decides where it is sent.
#
# Seen: stripe-go repeats neither 409 nor 5xx of a POST, and does not look at Stripe-Should-Retry for
# them, but repeats a 429 with lock_timeout, which no other does without that header. The client objects
# of stripe-python and stripe-java repeat nothing (the module's functions do). With 0 retries stripe-node
# still sends a POST again whose connection was reset, and so does the JDK under stripe-java. The key is
# the same in all tries.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check stripe==16.1.0
npm install --silent --no-audit --no-fund --ignore-scripts stripe@23.1.0
mkdir -p go java/src/main/java
cat > call.js <<'JS'
const [, , port, retries] = process.argv;
const Stripe = require("stripe");
const client = new Stripe("sk_test_x", {
  host: "127.0.0.1", port, protocol: "http", ...(retries === "default" ? {} : { maxNetworkRetries: Number(retries) }),
});
client.customers.create({ email: "a@example.com" }).then(() => process.exit(), () => process.exit());
JS
cat > call.py <<'PY'
import sys

import stripe

port, way = sys.argv[1:]
params, base = {"email": "a@example.com"}, f"http://127.0.0.1:{port}"
try:
    if way == "module":
        stripe.api_key, stripe.api_base = "sk_test_x", base
        stripe.Customer.create(**params)
    else:
        stripe.StripeClient("sk_test_x", base_addresses={"api": base}).v1.customers.create(params)
except stripe.StripeError:
    pass
PY
cat > go/go.mod <<'GO'
module call

go 1.24

require github.com/stripe/stripe-go/v84 v84.1.0
GO
cat > go/main.go <<'GO'
package main

import (
	"context"
	"os"

	"github.com/stripe/stripe-go/v84"
)

func main() {
	config := &stripe.BackendConfig{
		URL:           stripe.String("http://127.0.0.1:" + os.Args[1]),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
	client := stripe.NewClient("sk_test_x", stripe.WithBackends(stripe.NewBackendsWithConfig(config)))
	client.V1Customers.Create(context.Background(), &stripe.CustomerCreateParams{Email: stripe.String("a@example.com")})
}
GO
(cd go && go mod tidy 2> tidy.log && go build -o ../call-go . ) || { cat go/tidy.log; exit 1; }
cat > java/pom.xml <<'XML'
<project><modelVersion>4.0.0</modelVersion><groupId>call</groupId><artifactId>call</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target></properties>
<dependencies><dependency><groupId>com.stripe</groupId><artifactId>stripe-java</artifactId><version>31.0.0</version></dependency></dependencies>
</project>
XML
cat > java/src/main/java/Call.java <<'JAVA'
import com.stripe.Stripe;
import com.stripe.StripeClient;
import com.stripe.exception.StripeException;
import com.stripe.model.Customer;
import com.stripe.param.CustomerCreateParams;

public class Call {
  public static void main(String[] args) {
    String base = "http://127.0.0.1:" + args[0];
    CustomerCreateParams params = CustomerCreateParams.builder().setEmail("a@example.com").build();
    try {
      if (args[1].equals("static")) {
        Stripe.apiKey = "sk_test_x";
        Stripe.overrideApiBase(base);
        Customer.create(params);
      } else {
        StripeClient.builder().setApiKey("sk_test_x").setApiBase(base).build().v1().customers().create(params);
      }
    } catch (StripeException error) {
    }
  }
}
JAVA
(cd java && mvn -q -B compile dependency:build-classpath -Dmdep.outputFile=classpath)
cat > seen.py <<'PY'
import http.server, json, pathlib, subprocess, threading

classpath = "java/target/classes:" + pathlib.Path("java/classpath").read_text().strip()
WAYS = {
    "stripe-node": ["node", "call.js", "PORT", "default"],
    "stripe-node, 0 retries": ["node", "call.js", "PORT", "0"],
    "stripe-python, module": ["venv/bin/python", "call.py", "PORT", "module"],
    "stripe-python, client": ["venv/bin/python", "call.py", "PORT", "client"],
    "stripe-go": ["./call-go", "PORT"],
    "stripe-java, static": ["java", "-cp", classpath, "Call", "PORT", "static"],
    "stripe-java, client": ["java", "-cp", classpath, "Call", "PORT", "client"],
}
ANSWERS = {  # status, code, Stripe-Should-Retry
    "reset": (0, "", None),
    "500": (500, "", None),
    "500 false": (500, "", "false"),
    "503": (503, "", None),
    "409": (409, "idempotency_key_in_use", None),
    "429 rate": (429, "rate_limit", None),
    "429 lock": (429, "lock_timeout", None),
    "429 true": (429, "rate_limit", "true"),
    "402 true": (402, "card_declined", "true"),
}
answers, keys = [], []


class Stripe(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args): ...

    def do_POST(self):
        if length := self.headers["Content-Length"]:
            self.rfile.read(int(length))
        else:  # in chunks, as stripe-go sends it
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        keys.append(self.headers["Idempotency-Key"])
        status, code, retry = answers.pop(0) if answers else (200, "", None)
        if not status:
            self.close_connection = True
            return self.connection.close()
        body = {"id": "cus_1", "object": "customer"} if status == 200 else {"error": {"code": code, "message": ""}}
        self.send_response(status)
        if retry:
            self.send_header("Stripe-Should-Retry", retry)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(json.dumps(body))))
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stripe)
threading.Thread(target=server.serve_forever, daemon=True).start()
again = {}
for way, command in WAYS.items():
    again[way] = []
    for name, answer in ANSWERS.items():
        answers[:], keys[:] = [answer], []
        command_line = [str(server.server_port) if word == "PORT" else word for word in command]
        subprocess.run(command_line, check=True, timeout=60, capture_output=True)
        assert len(set(keys)) == 1 and keys[0], (way, name, keys)
        assert len(keys) in (1, 2), (way, name, keys)
        if len(keys) == 2:
            again[way].append(name)
    print(f"{way}: again after", ", ".join(again[way]) or "nothing")
USUAL = ["reset", "500", "503", "409", "429 true", "402 true"]
assert again == {
    "stripe-node": USUAL,
    "stripe-node, 0 retries": ["reset"],
    "stripe-python, module": USUAL,
    "stripe-python, client": [],
    "stripe-go": ["reset", "429 lock"],
    "stripe-java, static": USUAL,
    "stripe-java, client": ["reset"],
}
PY
venv/bin/python seen.py
