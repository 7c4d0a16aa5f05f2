// Owns what a TypeScript client keeps between two starts: an OAuthClientProvider of either SDK, in one file. `sign_in_*.mjs FILE`.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";

const RETURN = "http://localhost:3118/callback";
const [file] = process.argv.slice(2);
const { document } = JSON.parse(process.env.COMPANY);
let kept = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};

const keep = (more) => writeFileSync(file, JSON.stringify((kept = { ...kept, ...more })));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Goes by its document where the company was told of one, else it registers. */
export class Memory {
  constructor() {
    if (document) this.clientMetadataUrl = document;
    this.asked = undefined;
  }
  get redirectUrl() {
    return RETURN;
  }
  get clientMetadata() {
    return {
      client_name: "A TypeScript client",
      redirect_uris: [RETURN],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }
  state() {
    return (this.sent = crypto.randomUUID());
  }
  clientInformation() {
    return kept.client;
  }
  saveClientInformation(client) {
    keep({ client });
  }
  tokens() {
    return kept.tokens;
  }
  saveTokens(tokens) {
    keep({ tokens });
  }
  codeVerifier() {
    return kept.verifier;
  }
  saveCodeVerifier(verifier) {
    keep({ verifier });
  }
  redirectToAuthorization(url) {
    this.asked = `${url}`;
  }
  invalidateCredentials(what) {
    if (what === "all" || what === "client") keep({ client: undefined });
    if (what === "all" || what === "tokens") keep({ tokens: undefined });
    if (what === "all" || what === "verifier") keep({ verifier: undefined });
  }
  /** The person goes where the SDK said, and comes back with these parameters. */
  async cameBack() {
    say({ open: this.asked });
    const { value } = await lines.next();
    const said = new URL(JSON.parse(value).came_back).searchParams;
    if (said.get("state") !== this.sent) throw new Error("another sign-in came back");
    if (said.get("error")) throw new Error(said.get("error"));
    return said;
  }
}

/** Connects with what is kept, has the person sign in where the SDK says they must, and looks around. */
export async function signIn({ client, transport, isUnauthorized, finish }) {
  const { url, tool } = JSON.parse(process.env.COMPANY);
  const memory = new Memory();
  let [connected, wire] = [client(), transport(new URL(url), memory)];
  try {
    await connected.connect(wire);
  } catch (error) {
    if (!isUnauthorized(error) || memory.asked === undefined) throw error;
    await finish(wire, await memory.cameBack());
    [connected, wire] = [client(), transport(new URL(url), memory)];
    await connected.connect(wire);
  }
  const { tools } = await connected.listTools();
  const { structuredContent } = await connected.callTool({ name: tool, arguments: { operation: "whoami" } });
  await connected.close();
  say({ looked: { tools: tools.map((each) => each.name), person: structuredContent.id } });
  process.exit(0);
}
