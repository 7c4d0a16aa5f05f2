// Owns the connection through version 1 of the TypeScript SDK, which speaks 2025-11-25 and older.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { checkAll } from "./checks.mjs";

const { url, token } = JSON.parse(process.env.COMPANY);

async function connect(url, token) {
  const client = new Client({ name: "a-typescript-client", version: "1" });
  const headers = { Authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  const { name } = client.getServerVersion();
  return { client, name, version: transport.protocolVersion, instructions: client.getInstructions() };
}

await checkAll(connect, { url, token, version: "2025-11-25" });
