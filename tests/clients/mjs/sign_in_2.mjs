// Owns signing in through version 2 of the TypeScript SDK. `sign_in_2.mjs FILE`: what it keeps.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { signIn } from "./memory.mjs";

await signIn({
  client: () => new Client({ name: "a-typescript-client", version: "2" }, { versionNegotiation: { mode: "auto" } }),
  transport: (url, authProvider) => new StreamableHTTPClientTransport(url, { authProvider }),
  isUnauthorized: (error) => error instanceof UnauthorizedError,
  finish: (transport, said) => transport.finishAuth(said),
});
