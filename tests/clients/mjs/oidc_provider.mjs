// Owns npm's oidc-provider as a company's: whoever says a login is that person. `PROVIDER` tells its port and its one client.

import { Provider } from "oidc-provider";

const { port, client_id, client_secret, redirect_uri } = JSON.parse(process.env.PROVIDER);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], response_types: ["code"], grant_types: ["authorization_code"] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["a key of the clients'"] },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: "Ada Lovelace", email: `${sub}@acme.example`, email_verified: true, groups: ["engineering"] }),
  }),
});
provider.listen(port, "127.0.0.1", () => console.log(`listens on ${port}`));
