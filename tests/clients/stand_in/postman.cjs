// Runs the script on standard input as Postman would before a request signed as each vector says, and compares.
const assert = require("node:assert/strict");
const { createHmac } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { runInNewContext } = require("node:vm");

const cryptoJs = {
  enc: { Base64: "base64" },
  HmacSHA256: (message, key) => ({ toString: (encoding) => createHmac("sha256", key).update(message).digest(encoding) }),
};
const script = readFileSync(0, "utf8");
const { accepted } = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const vector of accepted.filter(({ algorithm }) => algorithm === "SHA256")) {
  const sent = {};
  runInNewContext(script, {
    require: (name) => ({ "crypto-js": cryptoJs })[name],
    Date: class { toISOString = () => vector.timestamp; },
    pm: {
      variables: { get: (name) => vector[name] },
      request: { headers: { upsert: ({ key, value }) => (sent[key] = value) } },
    },
  });
  assert.deepEqual(sent, { Authorization: vector.header }, vector.id);
  console.log(`ok ${vector.id}`);
}
