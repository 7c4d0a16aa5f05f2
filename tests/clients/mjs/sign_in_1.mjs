// Owns signing in through version 1 of the TypeScript SDK. `sign_in_1.mjs FILE`: what it keeps.

import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { signIn } from "./memory.mjs";

await signIn({
  client: () => new Client({ name: "a-typescript-client", version: "1" }),
  transport: (url, authProvider) => new StreamableHTTPClientTransport(url, { authProvider }),
  isUnauthorized: (error) => error instanceof UnauthorizedError,
  finish: (transport, said) => transport.finishAuth(said.get("code")),
});
