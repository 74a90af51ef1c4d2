// Node ssh2-sftp-client: see README.txt.
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const Client = createRequire(process.env.NODE_HOME + "/")("ssh2-sftp-client");

const [host, port, username, keyfile] = process.argv.slice(2);
const sftp = new Client();
await sftp.connect({ host, port: Number(port), username, privateKey: readFileSync(keyfile) });
let failed = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...w] = line.split("\t");
  let out = "";
  try {
    if (what === "list") out = (await sftp.list(w[0])).map((entry) => entry.name).join(" ");
    else if (what === "put") await sftp.put(w[0], w[1]);
    else if (what === "get") await sftp.get(w[0], w[1]);
    else if (what === "rename") await sftp.rename(w[0], w[1]);
    else if (what === "remove") await sftp.delete(w[0]);
    else if (what === "touch") await sftp.chmod(w[0], 0o640);
    else if (what === "stat") await sftp.stat(w[0]);
    console.log("ok", out);
  } catch (error) {
    failed = 1;
    console.log("error", String(error.message).replaceAll("\n", " "));
  }
}
await sftp.end();
process.exit(failed);
