// Owns the connection through version 2 of the TypeScript SDK. `sdk_2.mjs MODE VERSION`: how to negotiate, what must come of it.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { checkAll } from "./checks.mjs";

const { url, token } = JSON.parse(process.env.COMPANY);
const [mode, version] = process.argv.slice(2);

async function connect(url, token) {
  const client = new Client({ name: "a-typescript-client", version: "2" }, { versionNegotiation: { mode } });
  const headers = { Authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  const { name } = client.getServerVersion();
  return { client, name, version: client.getNegotiatedProtocolVersion(), instructions: client.getInstructions() };
}

await checkAll(connect, { url, token, version });
